import { expect } from "chai";
import { fakePools, type Fake, type FakePools } from "./fake-pools.ts";
import type { AffinePoolOptions } from "./affine-pool.ts";

describe("the pool of connections", () => {
  let pools: FakePools;
  beforeEach(() => void (pools = fakePools()));
  afterEach(() => pools.close());

  /** Two connections; tenant 1 is at home on the first, tenant 2 on the second. */
  const settled = async (options: Partial<AffinePoolOptions<Fake>> = {}) => {
    const pool = pools.create(options);
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
    expect(pools.opened).to.have.length(2);
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

  it("gives waiting tenants in order a free connection that knows them as well", async () => {
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

  it("waits for no connection behind a pooler, where none knows a tenant", async () => {
    pools.isDirect = false;
    const { pool, first, second } = await settled();
    const lent = await pool.acquire(1);
    let other: Fake | undefined;
    void Promise.resolve(pool.acquire(1)).then((fake) => (other = fake));
    await new Promise(setImmediate);
    expect([lent, other], "at once").to.have.members([first, second]);
    pool.release(first);
    pool.release(second);
  });

  it("serves in order the requests that wait for one connection", async () => {
    const pool = pools.create({ max: 1 });
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
    const pool = pools.create({ max: 1, maxUses: 2 });
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
    pool.release(pools.opened.at(-1) as Fake);
  });

  it("asks after 100 new tenants whether a connection is worn, and replaces it if so", async () => {
    const asked: number[] = [];
    const pool = pools.create({ max: 1, measure: async (_fake, tenants) => (asked.push(tenants) > 0 ? 1.1 : 0) });
    for (let tenant = 1; tenant <= 101; tenant += 1) pool.release(await pool.acquire(tenant));
    expect(asked).to.deep.equal([100]);
    expect(pools.opened.map(({ isClosed }) => isClosed)).to.deep.equal([true, false]);
  });

  it("spreads tenants over connections before one is full", async () => {
    const pool = pools.create({ measure: async (_fake, tenants) => tenants / 200 });
    for (let tenant = 1; tenant <= 200; tenant += 1) pool.release(await pool.acquire(tenant));
    expect(pools.opened).to.have.length(2);
  });

  it("refuses requests that waited too long, or that wait when it closes", async () => {
    const pool = pools.create({ max: 1, waitMs: 30 });
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

  it("says why nothing could be pools.opened, and tries again", async () => {
    let isDown = true;
    const open = async () => {
      if (isDown) throw new Error("no server");
      return { name: 1, isClean: true, isClosed: false, isDirect: true, canPipeline: true, isGathering: false };
    };
    const pool = pools.create({ open });
    expect(await Promise.resolve(pool.acquire(1)).catch((error: Error) => error.message)).to.equal("no server");
    isDown = false;
    pool.release(await pool.acquire(1));
  });
});
