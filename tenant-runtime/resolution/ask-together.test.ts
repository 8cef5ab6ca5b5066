import { setImmediate as turn } from "node:timers/promises";
import { expect } from "chai";
import { askTogether } from "./ask-together.ts";

describe("questions that are asked together", () => {
  /** Messages wait until the test answers them. */
  function registry() {
    const asked: { keys: readonly string[]; answer: () => void; fail: (error: Error) => void }[] = [];
    const ask = askTogether<string>(
      (keys) =>
        new Promise((resolve, reject) => {
          const known = keys.filter((key) => !key.startsWith("unknown"));
          const answer = () => resolve(new Map(known.map((key) => [key, `of ${key}`])));
          asked.push({ keys, answer, fail: reject });
        }),
    );
    return { asked, ask };
  }

  it("are one message for what comes in one turn, and each gets its own answer", async () => {
    const { asked, ask } = registry();
    const answers = Promise.all(["a", "unknown", "b"].map(ask));
    await turn();
    expect(asked.map(({ keys }) => keys)).to.deep.equal([["a", "unknown", "b"]]);
    asked[0]?.answer();
    expect(await answers).to.deep.equal(["of a", undefined, "of b"]);
  });

  it("are two messages of at most 100 at a time; later questions go with the next", async () => {
    const { asked, ask } = registry();
    const answers = Promise.all(Array.from({ length: 250 }, (_, n) => ask(`k${n}`)));
    await turn();
    const late = ask("late");
    await turn();
    expect(asked.map(({ keys }) => keys.length)).to.deep.equal([100, 100]);
    asked[0]?.answer();
    await turn();
    expect(asked[2]?.keys).to.have.length(51).and.to.include("late");
    for (const { answer } of asked) answer();
    expect(await late).to.equal("of late");
    expect((await answers).at(-1)).to.equal("of k249");
  });

  it("fail together, and the next are asked all the same", async () => {
    const { asked, ask } = registry();
    const first = Promise.allSettled([ask("a"), ask("b")]);
    await turn();
    asked[0]?.fail(new Error("down"));
    expect((await first).map(({ status }) => status)).to.deep.equal(["rejected", "rejected"]);
    const next = ask("a");
    await turn();
    asked[1]?.answer();
    expect(await next).to.equal("of a");
  });
});
