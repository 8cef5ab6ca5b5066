/** Brief statements that are sent behind others. */
import { expect } from "chai";
import { fakePools, type Fake, type FakePools } from "./fake-pools.ts";

/** Milliseconds that a statement takes. */
const brief = 0.5;
const long = Infinity;

describe("the pool of connections when all are in use", () => {
  let pools: FakePools;
  beforeEach(() => void (pools = fakePools()));
  afterEach(() => pools.close());

  /** One connection that tenant 1 has for a brief statement; what is asked for is told when it comes. */
  const busy = async (first: number = brief) => {
    const pool = pools.create({ max: 1 });
    pool.release(await pool.acquire(1));
    const held = await pool.acquire(1, first);
    const came: string[] = [];
    const ask = (name: string, tenant: number, takesMs: number) =>
      void Promise.resolve(pool.acquire(tenant, takesMs)).then(() => came.push(name));
    const settle = () => new Promise(setImmediate);
    return { pool, held, came, ask, settle };
  };

  it("sends brief statements behind brief ones, eight at most", async () => {
    const { pool, held, came, ask, settle } = await busy();
    for (let n = 2; n <= 9; n += 1) ask(`${n}`, n, brief);
    await settle();
    expect(came).to.deep.equal(["2", "3", "4", "5", "6", "7", "8"]);
    pool.release(held);
    await settle();
    expect(came.at(-1), "one was answered").to.equal("9");
  });

  it("opens one connection for eight brief statements, and one for each long one", async () => {
    const pool = pools.create({ max: 10 });
    const asked = Array.from({ length: 20 }, async (_, n) => pool.acquire(n, brief));
    await Promise.all(asked);
    expect(pools.opened).to.have.length(3);
    await Promise.all([1, 2, 3].map(async (tenant) => pool.acquire(tenant, long)));
    expect(pools.opened).to.have.length(6);
  });

  it("opens another for brief statements only when one waited as long as opening takes", async () => {
    const pool = pools.create({ max: 10 });
    await Promise.all(Array.from({ length: 8 }, async (_, n) => pool.acquire(n, brief)));
    const ninth = pool.acquire(9, brief);
    expect(ninth).to.be.instanceOf(Promise);
    expect(pools.opened).to.have.length(1);
    await ninth;
    expect(pools.opened).to.have.length(2);
  });

  it("puts brief new tenants on the first quick connection, others on the emptiest", async () => {
    // Quick: it keeps up with them and is not crowded.
    const pool = pools.create({ max: 3, measure: async (_fake, tenants) => tenants / 200 });
    const three = await Promise.all([1, 2, 3].map(async (tenant) => pool.acquire(tenant)));
    for (const one of three) pool.release(one);
    const [first, second, third] = three as [Fake, Fake, Fake];
    const homeOf = async (tenant: number, takesMs: number) => {
      const lent = await pool.acquire(tenant, takesMs);
      pool.release(lent);
      return lent;
    };
    for (let tenant = 10; tenant < 20; tenant += 1) expect(await homeOf(tenant, brief)).to.equal(first);
    expect(await homeOf(20, long)).to.equal(second);
    expect(await homeOf(21, long)).to.equal(third);
    const held = await pool.acquire(1, 5);
    expect(await homeOf(22, brief), "5 ms are before it there").to.equal(second);
    pool.release(held);
    for (let tenant = 100; tenant < 189; tenant += 1) await homeOf(tenant, brief);
    expect(await homeOf(300, brief), "the first is half full").to.equal(second);
  });

  describe("and something was written that is not sent yet", () => {
    /** Tenants up to this one have a home each, of which there are two; tenant 1's is being written on. */
    const writing = async (tenants: number) => {
      const pool = pools.create();
      for (let tenant = 1; tenant <= tenants; tenant += 2) {
        const [odd, even] = await Promise.all([pool.acquire(tenant), pool.acquire(tenant + 1)]);
        pool.release(odd);
        pool.release(even);
      }
      const held = await pool.acquire(1, brief);
      held.isGathering = true;
      return { pool, held };
    };

    it("sends the statements of few tenants together, wherever they are known", async () => {
      const { pool, held } = await writing(2);
      expect(await pool.acquire(2, brief)).to.equal(held);
      expect(await pool.acquire(2, long), "who is not brief").not.to.equal(held);
    });

    it("sends nothing behind what would keep it waiting while others are free", async () => {
      const { pool, held } = await writing(2);
      expect(await pool.acquire(2, 4)).to.equal(held);
      expect(await pool.acquire(2, 4), "4.5 ms are before it").not.to.equal(held);
    });

    it("sends no tenant where it is new when there are many", async () => {
      const { pool, held } = await writing(102);
      expect(await pool.acquire(2, brief)).not.to.equal(held);
      expect(await pool.acquire(1, brief), "known there").to.equal(held);
    });

    it("sends all together behind a pooler, where no tenant is known", async () => {
      pools.isDirect = false;
      const { pool, held } = await writing(102);
      expect(await pool.acquire(2, brief)).to.equal(held);
      held.isGathering = false;
      expect(await pool.acquire(2, 4), "1 ms is before it").to.equal(held);
      expect(await pool.acquire(2, 4), "5 ms are before it").not.to.equal(held);
    });
  });

  it("lets no statement wait for long behind brief ones", async () => {
    const { pool, held, came, ask, settle } = await busy(15);
    for (const name of ["second", "third", "fourth"]) ask(name, 2, 15);
    await settle();
    expect(came, "30 ms are before the third, 45 before the fourth").to.deep.equal(["second", "third"]);
    pool.release(held);
    await settle();
    expect(came).to.deep.equal(["second", "third", "fourth"]);
  });

  it("queues nothing behind what is not brief, and nothing long behind what is", async () => {
    const alone = await busy(long);
    alone.ask("behind a transaction", 2, brief);
    await alone.settle();
    expect(alone.came).to.deep.equal([]);
    const shared = await busy();
    shared.ask("a transaction", 2, long);
    await shared.settle();
    expect(shared.came).to.deep.equal([]);
    shared.pool.release(shared.held);
    await shared.settle();
    expect(shared.came).to.deep.equal(["a transaction"]);
  });

  it("shares nothing while a tenant waits for a connection of its own", async () => {
    const { pool, held, came, ask, settle } = await busy();
    ask("alone", 1, long);
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
    let answer = (_fullness: number) => {};
    const pool = pools.create({ max: 1, measure: () => new Promise((resolve) => (answer = resolve)) });
    for (let tenant = 1; tenant < 100; tenant += 1) pool.release(await pool.acquire(tenant, brief));
    pool.release(await pool.acquire(100, brief));
    let came = false;
    void Promise.resolve(pool.acquire(1, brief)).then(() => (came = true));
    await new Promise(setImmediate);
    expect(came).to.equal(false);
    answer(0.1);
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
