import { expect } from "chai";
import { nextWaiter } from "./next-waiter.ts";
import { createSeat, type Poolable, type Seat, type Waiter } from "./seat.ts";

const patienceMs = { usual: 5, amongBrief: 60_000 };

describe("the waiting tenant that a free connection of others serves", () => {
  const seat = (): Seat<Poolable> => {
    const connection: Poolable = { isClean: true, isDirect: true, canPipeline: true, isGathering: false };
    return createSeat(connection, { maxAgeMs: 1_000, maxUses: 9 });
  };
  /** Who waits at a home for so long, while those who have it need it for `aheadMs`. */
  const left = (takesMs: number, aheadMs: number, waitedMs = 50): Waiter<Poolable> | undefined => {
    const [free, home] = [seat(), Object.assign(seat(), { aheadMs })];
    const none = () => undefined;
    home.line.push({ tenant: 1, takesMs, since: performance.now() - waitedMs, resolve: none, reject: none });
    const seats = new Map([free, home].map((one) => [one.connection, one]));
    return nextWaiter(free, { newcomers: [], seats, patienceMs });
  };

  it("is none where it and those before it need its own connection for a moment", () => {
    expect(left(0.1, 2)).to.equal(undefined);
    expect(left(0.1, 2, 61_000)?.tenant).to.equal(1);
  });

  it("is the one that waited its time where either needs it for long, and none before", () => {
    expect(left(Infinity, 2)?.tenant).to.equal(1);
    expect(left(0.1, Infinity)?.tenant).to.equal(1);
    expect(left(0.1, Infinity, 1)).to.equal(undefined);
  });
});
