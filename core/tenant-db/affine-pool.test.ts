import { expect } from "chai";
import { setTimeout as sleep } from "node:timers/promises";
import { createAffinePool, type AffinePool, type AffinePoolOptions } from "./affine-pool.ts";
import { createFairShare } from "./fair-share.ts";

interface Fake {
  readonly name: number;
  isClean: boolean;
  isClosed: boolean;
  readonly isDirect: boolean;
  canPipeline: boolean;
}

describe("the pool of connections", () => {
  let opened: Fake[];
  let pools: { close(): Promise<void> }[];
  beforeEach(() => {
    opened = [];
    pools = [];
    isDirect = true;
  });
  afterEach(() => Promise.all(pools.map((pool) => pool.close())));

  let isDirect = true;
  const open = async (): Promise<Fake> => {
    const fake = { name: opened.length + 1, isClean: true, isClosed: false, isDirect, canPipeline: true };
    opened.push(fake);
    return fake;
  };
  const createPool = (options: Partial<AffinePoolOptions<Fake>> = {}) => {
    const pool = createAffinePool<Fake>({
      max: 2,
      open,
      close: (fake) => void (fake.isClosed = true),
      isWorn: async () => false,
      waitMs: 5_000,
      idleMs: 60_000,
      maxAgeMs: 60_000,
      maxUses: 1_000,
      ...options,
    });
    pools.push(pool);
    return pool;
  };
  /** Two connections; tenant 1 is at home on the first, tenant 2 on the second. */
  const settled = async (options: Partial<AffinePoolOptions<Fake>> = {}) => {
    const pool = createPool(options);
    const [first, second] = await Promise.all([pool.acquire(1), pool.acquire(2)]);
    pool.release(first);
    pool.release(second);
    return { pool, first, second };
  };

  it("brings a tenant back to the connection that knows it", async () => {
    const { pool, first, second } = await settled();
    for (const [tenant, home] of [
      [2, second],
      [1, first],
      [1, first],
      [2, second],
    ] as const) {
      const lent = await pool.acquire(tenant);
      expect(lent).to.equal(home);
      pool.release(lent);
    }
    expect(opened).to.have.length(2);
  });

  it("gives a tenant another connection when its own does not come free", async () => {
    const { pool, first, second } = await settled();
    expect(await pool.acquire(1)).to.equal(first);
    expect(await pool.acquire(1), "nobody gives the first back").to.equal(second);
    pool.release(first);
    pool.release(second);
    expect(await pool.acquire(1)).to.equal(first);
    expect(await pool.acquire(1), "it is known there now: no waiting").to.equal(second);
    pool.release(first);
    pool.release(second);
  });

  it("gives who waits for another connection the one that comes free and knows it too, in order", async () => {
    const { pool, first, second } = await settled();
    // Both know tenant 1, whose home is the first.
    expect(await pool.acquire(1)).to.equal(first);
    expect(await pool.acquire(1)).to.equal(second);
    const order: number[] = [];
    const waiting = [1, 2].map(async (tenant) => {
      const lent = await pool.acquire(tenant);
      order.push(tenant);
      return lent;
    });
    pool.release(second);
    expect(await waiting[0], "the first, to whom the second is as good as its own").to.equal(second);
    expect(order).to.deep.equal([1]);
    pool.release(second);
    expect(await waiting[1]).to.equal(second);
    pool.release(first);
    pool.release(second);
  });

  it("lets nobody wait for a connection behind a pooler, where none knows a tenant", async () => {
    isDirect = false;
    const { pool, first, second } = await settled();
    const lent = await pool.acquire(1);
    let other: Fake | undefined;
    void Promise.resolve(pool.acquire(1)).then((fake) => (other = fake));
    await new Promise(setImmediate);
    expect([lent, other], "at once").to.have.members([first, second]);
    pool.release(first);
    pool.release(second);
  });

  it("serves in order who waits for the same connection", async () => {
    const pool = createPool({ max: 1 });
    const only = await pool.acquire(1);
    const order: number[] = [];
    const waiting = [2, 3, 4].map(async (tenant) => {
      const lent = await pool.acquire(tenant);
      order.push(tenant);
      pool.release(lent);
    });
    pool.release(only);
    await Promise.all(waiting);
    expect(order).to.deep.equal([2, 3, 4]);
  });

  it("replaces what is worn, unclean or lost, and its tenants are newcomers again", async () => {
    const pool = createPool({ max: 1, maxUses: 2 });
    for (const spoil of [
      (fake: Fake) => void (fake.isClean = false),
      (fake: Fake) => pool.lost(fake),
      () => undefined,
    ]) {
      const lent = await pool.acquire(1);
      spoil(lent);
      pool.release(lent);
      if (!lent.isClosed) pool.release(await pool.acquire(1));
      expect(lent.isClosed, `connection ${lent.name}`).to.equal(true);
    }
    const idle = await pool.acquire(1);
    pool.release(idle);
    pool.lost(idle);
    expect(await pool.acquire(1)).not.to.equal(idle);
    pool.release(opened.at(-1) as Fake);
  });

  it("asks whether a connection is worn after a hundred new tenants, and lends it meanwhile to nobody", async () => {
    const asked: number[] = [];
    const pool = createPool({ max: 1, isWorn: async (_fake, tenants) => asked.push(tenants) > 0 });
    for (let tenant = 1; tenant <= 101; tenant += 1) pool.release(await pool.acquire(tenant));
    expect(asked).to.deep.equal([100]);
    expect(opened.map(({ isClosed }) => isClosed)).to.deep.equal([true, false]);
  });

  it("spreads tenants over connections before one knows too many", async () => {
    const pool = createPool();
    for (let tenant = 1; tenant <= 200; tenant += 1) pool.release(await pool.acquire(tenant));
    expect(opened).to.have.length(2);
  });

  it("refuses who has waited too long, and who waits when it closes", async () => {
    const pool = createPool({ max: 1, waitMs: 30 });
    const only = await pool.acquire(1);
    expect(await Promise.resolve(pool.acquire(2)).catch((error: Error) => error.message)).to.include(
      "Timeout acquiring a connection",
    );
    const waiting = Promise.resolve(pool.acquire(3)).catch((error: Error) => error.message);
    const closed = pool.close();
    expect(await waiting).to.include("the pool is closed");
    pool.release(only);
    await closed;
    expect(only.isClosed).to.equal(true);
  });

  it("says why nothing could be opened, and tries again", async () => {
    let isDown = true;
    const pool = createPool({ open: () => (isDown ? Promise.reject(new Error("no server")) : open()) });
    expect(await Promise.resolve(pool.acquire(1)).catch((error: Error) => error.message)).to.equal("no server");
    isDown = false;
    pool.release(await pool.acquire(1));
  });

  describe("when all are in use", () => {
    const brief = true;
    let all: AffinePool<Fake>[];
    beforeEach(() => void (all = []));
    /** Whoever still has one. */
    afterEach(async () => {
      for (let i = 0; i < 10; i += 1) {
        for (const pool of all) for (const fake of opened) pool.release(fake);
        await new Promise(setImmediate);
      }
    });
    /** One connection that tenant 1 has for a brief statement; what is asked for is told when it comes. */
    const busy = async (first = brief) => {
      const pool = createPool({ max: 1 });
      all.push(pool);
      pool.release(await pool.acquire(1));
      const held = await pool.acquire(1, first);
      const came: string[] = [];
      const ask = (name: string, tenant: number, isBrief: boolean) =>
        void Promise.resolve(pool.acquire(tenant, isBrief)).then(() => came.push(name));
      const settle = () => new Promise(setImmediate);
      return { pool, held, came, ask, settle };
    };

    it("sends brief statements behind brief ones, three at most", async () => {
      const { pool, held, came, ask, settle } = await busy();
      ask("second", 2, brief);
      ask("third", 1, brief);
      ask("fourth", 1, brief);
      await settle();
      expect(came).to.deep.equal(["second", "third"]);
      pool.release(held);
      await settle();
      expect(came, "one was answered").to.deep.equal(["second", "third", "fourth"]);
    });

    it("lets nobody stand behind what is not brief, nor on it who is not brief", async () => {
      const alone = await busy(false);
      alone.ask("behind a transaction", 2, brief);
      await alone.settle();
      expect(alone.came).to.deep.equal([]);
      const shared = await busy();
      shared.ask("a transaction", 2, false);
      await shared.settle();
      expect(shared.came).to.deep.equal([]);
      shared.pool.release(shared.held);
      await shared.settle();
      expect(shared.came).to.deep.equal(["a transaction"]);
    });

    it("shares nothing while somebody waits for a connection alone", async () => {
      const { pool, held, came, ask, settle } = await busy();
      ask("alone", 1, false);
      ask("brief", 1, brief);
      await settle();
      expect(came).to.deep.equal([]);
      pool.release(held);
      await settle();
      expect(came, "and then it is not shared").to.deep.equal(["alone"]);
    });

    it("sends nothing behind a connection that has failed, or that is closed for its age", async () => {
      const { pool, held, came, ask, settle } = await busy();
      held.canPipeline = false;
      ask("brief", 1, brief);
      await settle();
      expect(came).to.deep.equal([]);
      held.canPipeline = true;
      pool.lost(held);
      ask("too", 1, brief);
      await settle();
      expect(came).to.deep.equal([]);
      pool.release(held);
      await settle();
      expect(held.isClosed).to.equal(true);
      expect(came.toSorted(), "on another one").to.deep.equal(["brief", "too"]);
    });

    it("sends nothing behind the question how large a connection has become", async () => {
      let answer = (_isWorn: boolean) => {};
      const pool = createPool({ max: 1, isWorn: () => new Promise((resolve) => (answer = resolve)) });
      all.push(pool);
      for (let tenant = 1; tenant < 100; tenant += 1) pool.release(await pool.acquire(tenant, brief));
      pool.release(await pool.acquire(100, brief));
      let came = false;
      void Promise.resolve(pool.acquire(1, brief)).then(() => (came = true));
      await new Promise(setImmediate);
      expect(came).to.equal(false);
      answer(false);
      await new Promise(setImmediate);
      expect(came).to.equal(true);
    });

    it("closes a shared connection only when the last has given it back", async () => {
      const { pool, held, ask, settle } = await busy();
      ask("second", 2, brief);
      await settle();
      pool.lost(held);
      pool.release(held);
      expect(held.isClosed).to.equal(false);
      pool.release(held);
      expect(held.isClosed).to.equal(true);
    });
  });
});

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
