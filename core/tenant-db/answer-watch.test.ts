import { expect } from "chai";
import { setTimeout as sleep } from "node:timers/promises";
import { createAnswerWatch, type AnswerWatch } from "./answer-watch.ts";

describe("the watch over a connection's answers", () => {
  let late: number[];
  let watch: AnswerWatch;
  const send = (withinMs: number) => {
    watch.sent();
    watch.watch(withinMs);
  };
  beforeEach(() => {
    late = [];
    watch = createAnswerWatch((ms) => late.push(ms));
  });
  afterEach(() => watch.close());

  it("tells of an answer that does not come, and of none that came", async () => {
    send(20);
    expect(watch.isQuiet).to.equal(false);
    watch.answered();
    expect(watch.isQuiet).to.equal(true);
    await sleep(40);
    expect(late).to.deep.equal([]);
    send(20);
    await sleep(60);
    expect(late).to.deep.equal([20]);
  });

  it("gives what stands behind another the time of the most patient, from its turn on", async () => {
    send(60_000);
    send(30);
    watch.answered();
    await sleep(60);
    expect(late).to.deep.equal([]);
    watch.answered();
    send(20);
    await sleep(60);
    expect(late, "patience ends with what it was for").to.deep.equal([20]);
  });
});
