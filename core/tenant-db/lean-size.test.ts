import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { fakePools } from "./fake-pools.ts";
import { createLeanSize } from "./lean-size.ts";

const brief = 0.01;

describe("the size of a pool of connections", () => {
  let load = 1;
  const seconds = (size: { enough(): number }, number: number): number => {
    for (let second = 1; second < number; second += 1) size.enough();
    return size.enough();
  };

  it("is unlimited while the process waits for the server, and a few when it is busy", () => {
    // Busy: the server waits for the process.
    const size = createLeanSize(() => load);
    load = 0.5;
    expect([size.enough(), size.isBusy]).to.deep.equal([Infinity, false]);
    load = 0.95;
    expect([size.enough(), size.isBusy]).to.deep.equal([4, true]);
  });

  it("keeps one more than were in use alone at a time, and drops one in ten seconds", () => {
    const size = createLeanSize(() => 1);
    for (let n = 0; n < 8; n += 1) size.lentAlone();
    expect(seconds(size, 100)).to.equal(9);
    for (let n = 0; n < 8; n += 1) size.returned();
    expect(seconds(size, 9)).to.equal(9);
    expect(seconds(size, 16)).to.equal(7);
    expect(seconds(size, 60)).to.equal(4);
  });

  it("stays for a minute after it was too small", () => {
    const size = createLeanSize(() => 1);
    size.grown();
    expect(seconds(size, 59)).to.equal(Infinity);
    expect(seconds(size, 2)).to.equal(4);
  });

  it("comes down to a few in a busy process, and grows only for long waits", async function trim() {
    this.timeout(20_000);
    const pools = fakePools();
    const open = () => pools.opened.filter(({ isClosed }) => !isClosed).length;
    const ask = (number: number) => Promise.all(Array.from({ length: number }, async (_, n) => pool.acquire(n, brief)));
    const pool = pools.create({ max: 6, load: () => 1 });
    try {
      for (const one of await ask(48)) pool.release(one);
      expect(open()).to.equal(6);
      while (open() > 4) await sleep(50);
      const held = await ask(32);
      const since = performance.now();
      await pool.acquire(99, brief);
      expect(performance.now() - since).to.be.greaterThan(90);
      expect(open()).to.equal(5);
      for (const one of held) pool.release(one);
    } finally {
      await pools.close();
    }
  });
});
