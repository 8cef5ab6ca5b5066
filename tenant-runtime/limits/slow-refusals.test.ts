import { expect } from "chai";
import { createSlowRefusals } from "./slow-refusals.ts";

describe("refusals of a company that does not stop", () => {
  it("come at once, then later, then not at all; another company's come at once", async () => {
    const slowly = createSlowRefusals();
    const seen: string[] = [];
    const later = new Promise<void>((resolve) => {
      for (let i = 1; i <= 1_021; i += 1)
        slowly.refuse(1, {
          refuse: () => {
            seen.push(`refused ${i}`);
            if (seen.length === 1_022) resolve();
          },
          drop: () => void seen.push(`dropped ${i}`),
        });
    });
    expect(seen).to.have.length(21);
    expect([seen[0], seen[19], seen[20]]).to.deep.equal(["refused 1", "refused 20", "dropped 1021"]);
    slowly.refuse(2, { refuse: () => void seen.push("another"), drop: () => undefined });
    expect(seen.at(-1)).to.equal("another");
    await later;
    expect(new Set(seen)).to.have.property("size", 1_022);
  });
});
