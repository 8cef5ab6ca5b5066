import { expect } from "chai";
import { answersBetween, judgeHealth, type HealthSnapshot } from "./runtime-health.ts";

/** Runtimes by name with their requests, and how many of those were answered with 5xx. */
function snapshot(counts: Readonly<Record<string, readonly [number, number]>>): HealthSnapshot {
  const at = new Date();
  const runtimes = Object.entries(counts).map(([id, [requests, serverErrors]]) => ({
    id,
    requests,
    serverErrors,
    seenAt: at,
  }));
  return { at, runtimes };
}

describe("the health of the runtimes during a run", () => {
  it("is what was answered between two moments, whichever processes came or went", () => {
    const before = snapshot({ a: [1000, 5], gone: [900, 900] });
    const after = snapshot({ a: [1100, 8], young: [100, 1] });
    expect(answersBetween(before, after)).to.deep.equal({ requests: 200, serverErrors: 4, share: 0.02 });
  });

  it("pauses when more fail than before and the threshold allow", () => {
    const before = snapshot({ a: [1000, 10] });
    expect(judgeHealth(before, snapshot({ a: [1200, 16] }))).to.deep.equal({ ok: true });
    expect(judgeHealth(before, snapshot({ a: [1200, 17] }))).to.deep.equal({
      pause: "the runtime answers 3.5 % of requests with 5xx (7 of 200), 1.0 % before",
    });
    const wide = { maxRuntimeErrorRate: 0.5 };
    expect(judgeHealth(before, snapshot({ a: [1200, 17] }), wide)).to.deep.equal({ ok: true });
  });

  it("leaves what was so before alone", () => {
    expect(judgeHealth(snapshot({ a: [1000, 200] }), snapshot({ a: [2000, 410] }))).to.deep.equal({ ok: true });
  });

  it("makes no share of a few requests, neither of now nor of before", () => {
    const idle = snapshot({ a: [10, 9] });
    expect(judgeHealth(idle, snapshot({ a: [109, 108] }))).to.deep.equal({ ok: true });
    expect(judgeHealth(idle, snapshot({ a: [110, 12] }))).to.have.property("pause");
    expect(judgeHealth(snapshot({}), snapshot({}), { minRequests: 0 })).to.deep.equal({ ok: true });
  });
});
