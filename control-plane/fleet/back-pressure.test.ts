import { expect } from "chai";
import { backPressure } from "./back-pressure.ts";

describe("back-pressure of a fleet run", () => {
  /** Widths after each of these answers of the server, in milliseconds, half a second apart. */
  const widths = (answers: readonly number[], most = 8): number[] => {
    let now = 0;
    let answer = 0;
    const pressure = backPressure(
      () => answer,
      most,
      () => now,
    );
    return answers.map((ms) => {
      answer = ms;
      now += 500;
      return pressure.width();
    });
  };

  it("leaves a server that answers as it did to all lanes", () => {
    expect(widths([2, 3, 30, 2])).to.deep.equal([8, 8, 8, 8]);
  });

  it("halves the lanes to one while the server is slow, and gives them back singly", () => {
    expect(widths([2, 400, 400, 400, 400, 2, 2, 2])).to.deep.equal([8, 4, 2, 1, 1, 2, 3, 4]);
  });

  it("takes a server that is far away for what it is", () => {
    expect(widths([300, 320, 310])).to.deep.equal([8, 8, 8]);
  });

  it("judges twice a second, however often it is asked", () => {
    let now = 0;
    const pressure = backPressure(
      () => (now <= 500 ? 1 : 500),
      8,
      () => now,
    );
    now = 500;
    expect(pressure.width()).to.equal(8);
    now = 1_000;
    for (let i = 0; i < 10; i += 1) expect(pressure.width()).to.equal(4);
  });
});
