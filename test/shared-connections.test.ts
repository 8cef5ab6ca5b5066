/** Brief statements of several companies on one connection before the first is answered: each gets its own answer. */
import { expect } from "chai";
import pg from "pg";
import { isServiceDown } from "../core/errors.ts";
import { openTenantPool, type TenantHandle, type TenantPool } from "../core/tenant-db/tenant-pool.ts";
import { openProxy, type Proxy } from "./support/frozen-proxy.ts";
import { usePlatform } from "./support/platform.ts";
import { openCompany, type Company } from "./support/runtime-client.ts";
import { until } from "./support/wait.ts";

const appName = "sharing test";

describe("brief statements that share a connection", () => {
  const platform = usePlatform({ workers: true });
  let a: Company;
  let b: Company;
  let c: Company;
  let proxy: Proxy;
  let pool: TenantPool;
  let ofA: TenantHandle;
  let ofB: TenantHandle;
  let ofC: TenantHandle;
  let owner: pg.Client;
  let sent = "";

  before(async () => {
    [a, b, c] = await Promise.all([openCompany(platform), openCompany(platform), openCompany(platform)]);
    for (const { id, slug } of [a, b, c])
      await platform.query(`INSERT INTO tenant_${id}.customers (name, metadata) VALUES ('Ana', $1)`, [{ of: slug }]);
    const { hostname: host, port } = new URL(platform.databaseUrl);
    proxy = await openProxy({ host, port: Number(port) }, (piece) => void (sent += piece.toString("latin1")));
    owner = new pg.Client({ connectionString: platform.databaseUrl });
    await owner.connect();
  });
  beforeEach(async () => {
    const url = Object.assign(new URL(platform.databaseUrl), { hostname: "127.0.0.1", port: String(proxy.port) });
    pool = openTenantPool(url.toString(), platform.ctx.secrets, { name: appName, max: 1 });
    [ofA, ofB, ofC] = [pool.forTenant(a), pool.forTenant(b), pool.forTenant(c)];
    // Known to be quick, for both.
    for (let i = 0; i < 20; i += 1) expect(await look(i % 2 === 0 ? ofA : ofB)).to.equal(i % 2 === 0 ? a.slug : b.slug);
    sent = "";
  });
  afterEach(() => pool.close());
  after(async () => {
    await owner?.end();
    await proxy?.close();
  });

  const look = async ({ db }: TenantHandle, by = 1): Promise<string> => {
    const { rows } = await db.raw("select metadata->>'of' as mark, 12 / ?::int as n from customers", [by]);
    return rows[0].mark;
  };
  /** By what stands before each: the text itself is sent only until it is kept. */
  const countSent = () => sent.split("secretaria_scope_").length - 1;

  /** All that is asked for meanwhile waits behind the company's locked table. */
  async function whileLocked<T>(company: Company, work: () => Promise<T>): Promise<T> {
    await owner.query(`BEGIN; LOCK TABLE tenant_${company.id}.customers IN ACCESS EXCLUSIVE MODE`);
    try {
      return await work();
    } finally {
      await owner.query("ROLLBACK");
    }
  }
  const ended = (all: Promise<string>[]) => Promise.allSettled(all);

  it("get their own company's rows, in whatever order they were sent", async () => {
    const asked = await whileLocked(a, async () => {
      const all = [look(ofA), look(ofB), look(ofC), look(ofA)];
      await until(
        async () => countSent(),
        (n) => n === 3,
        { what: "three statements on the way" },
      );
      return { all };
    });
    expect(await Promise.all(asked.all)).to.deep.equal([a.slug, b.slug, c.slug, a.slug]);
  });

  it("fail alone", async () => {
    const asked = await whileLocked(a, async () => {
      const all = [look(ofA), look(ofB, 0), look(ofC)];
      await until(
        async () => countSent(),
        (n) => n === 3,
        { what: "three statements on the way" },
      );
      return { all };
    });
    const [first, second, third] = await ended(asked.all);
    expect(first).to.include({ status: "fulfilled", value: a.slug });
    expect(second).to.include({ status: "rejected" });
    expect((second as PromiseRejectedResult).reason).to.include({ code: "22012" });
    expect(third).to.include({ status: "fulfilled", value: c.slug });
    expect(await look(ofB), "on the same connection").to.equal(b.slug);
  });

  it("are lost together with the server process, each with a message of its own", async () => {
    const results = await whileLocked(a, async () => {
      const all = ended([look(ofA), look(ofB), look(ofC)]);
      await until(
        async () => countSent(),
        (n) => n === 3,
        { what: "three statements on the way" },
      );
      await owner.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1", [
        appName,
      ]);
      return all;
    });
    for (const result of results) {
      const { reason } = result as PromiseRejectedResult;
      expect(isServiceDown(reason), String(reason)).to.equal(true);
      expect((reason as Error).message.split("from customers").length - 1, String(reason)).to.equal(1);
    }
    expect([await look(ofA), await look(ofB)]).to.deep.equal([a.slug, b.slug]);
  });

  it("let no transaction in between, and wait for one that came first", async () => {
    const order: string[] = [];
    const asked = await whileLocked(a, async () => {
      const brief = look(ofA);
      const alone = ofB.transaction(async (db) => {
        order.push("begun");
        await db("customers").update({ name: "Bia" });
        order.push("ended");
      });
      const later = look(ofC).then(() => order.push("later"));
      await until(
        async () => countSent(),
        (n) => n === 1,
        { what: "a statement on the way" },
      );
      expect(order, "the transaction waits for the connection").to.deep.equal([]);
      expect(countSent(), "and nobody is let past it").to.equal(1);
      return { all: [brief, alone, later] };
    });
    await Promise.all(asked.all);
    expect(order).to.deep.equal(["begun", "ended", "later"]);
  });
});
