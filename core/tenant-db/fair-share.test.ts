import { expect } from "chai";
import { setTimeout as sleep } from "node:timers/promises";
import { createFairShare } from "./fair-share.ts";

describe("a tenant's share", () => {
  it("lets it go on up to its share, one for each that leaves, and others at once", async () => {
    const share = createFairShare(5_000);
    expect([share.enter(1, 2), share.enter(1, 2)]).to.deep.equal([undefined, undefined]);
    let entered = 0;
    const waiting = [1, 2].map(async () => {
      await share.enter(1, 2);
      entered += 1;
    });
    expect(share.enter(2, 2), "another tenant").to.equal(undefined);
    await sleep(5);
    expect(entered).to.equal(0);
    share.leave(1);
    await sleep(5);
    expect(entered).to.equal(1);
    share.leave(1);
    await Promise.all(waiting);
    share.leave(1);
    share.leave(1);
    expect(share.enter(1, 1), "nothing is left over").to.equal(undefined);
    share.close();
  });

  it("refuses what comes free too late, for that tenant alone", async () => {
    const share = createFairShare(20);
    expect(share.enter(1, 1)).to.equal(undefined);
    const error = await share.enter(1, 1)?.catch((refused: { code: string; retryAfterSeconds: number }) => refused);
    expect(error).to.include({ code: "tenant-busy", retryAfterSeconds: 2 });
    share.leave(1);
    expect(share.enter(1, 1)).to.equal(undefined);
    share.close();
  });
});
