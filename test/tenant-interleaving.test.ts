/** Many companies at once on few connections, while statements fail and backends die: nobody ever sees another's row. */
import { expect } from "chai";
import { isServiceDown } from "../core/errors.ts";
import { runtimeRole } from "../core/migrations/tenant-schema.ts";
import { servicePassword } from "../core/service-roles.ts";
import { openTenantPool, type TenantHandle, type TenantPool } from "../core/tenant-db/tenant-pool.ts";
import { runBelow, runBelowIn } from "./support/below-the-list.ts";
import { startPooler, type Pooler } from "./support/pgbouncer.ts";
import { usePlatform } from "./support/platform.ts";
import { openCompany, type Company } from "./support/runtime-client.ts";

const companyCount = 20;
const statementCount = 2_000;
const atOnce = 16;
const appName = "interleaving test";

interface Seen {
  readonly mark: string;
  readonly user: string;
  readonly tenant: string;
}

describe("companies that share connections", () => {
  const platform = usePlatform({ workers: true });
  let companies: Company[];
  let pooler: Pooler;

  before(async function prepare() {
    // Installing PgBouncer takes longer than any test may.
    this.timeout(300_000);
    companies = await Promise.all(Array.from({ length: companyCount }, () => openCompany(platform)));
    for (const { id, slug } of companies)
      await platform.query(
        `INSERT INTO tenant_${id}.customers (name, metadata)
         SELECT n, jsonb_build_object('of', $1::text) FROM generate_series(1, 3) n`,
        [slug],
      );
    const password = servicePassword(platform.ctx.secrets, runtimeRole);
    pooler = await startPooler(platform.databaseUrl, { user: runtimeRole, password, connections: 3 });
  });
  after(() => pooler?.stop());

  const look = async (db: TenantHandle["db"]): Promise<Seen[]> =>
    db("customers").select(
      db.raw("metadata->>'of' AS mark, current_user AS user, current_setting('app.current_tenant') AS tenant"),
    );

  const killOne = () =>
    platform.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1 AND datname = current_database()
        ORDER BY random() LIMIT 1`,
      [runtimeRole],
    );

  /** Each leaves its connection in another state. The second is what it fails with; any may find the server gone. */
  const moves: readonly [(handle: TenantHandle, other: Company) => Promise<Seen[]>, string?][] = [
    [({ db }) => look(db)],
    [({ db }) => look(db)],
    [({ transaction }) => transaction((db) => look(db))],
    [({ db }) => db.raw("SELECT 1 / (random() * 0)::int"), "22012"],
    [({ db }, other) => db.raw(`SELECT * FROM tenant_${other.id}.customers`), "42501"],
    [({ db }) => db("customers").insert({ name: null }), "23502"],
    [({ db }) => db.raw("SET ROLE NONE"), "statement-not-allowed"],
    [({ transaction }) => transaction((db) => db.raw("COMMIT")), "statement-not-allowed"],
    // What follows were possible if the list had a hole.
    [(handle) => runBelow(handle, "SET ROLE NONE").then(() => [])],
    [(handle) => runBelow(handle, "SET search_path TO public").then(() => [])],
    [({ transaction }) => transaction((db) => runBelowIn(db, "SET ROLE NONE")).then(() => [])],
    [(handle) => runBelow(handle, "COMMIT").then(() => []), "the statement ended the transaction that it was in"],
    [({ db }) => db.raw("SELECT pg_sleep(0.05)").timeout(5), "KnexTimeoutError"],
    [
      ({ transaction }) =>
        transaction(async (db) => {
          await db.raw("SAVEPOINT mine");
          await runBelowIn(db, "RESET ROLE");
          await db.raw("ROLLBACK TO mine");
          const rows = await look(db);
          await db.transaction((nested) => nested.raw("SELECT 1 / 0")).catch(() => undefined);
          return [...rows, ...(await look(db))];
        }),
    ],
    [
      ({ transaction }) =>
        transaction(async (db) => {
          await db("customers").update({ metadata: { of: "nobody" } });
          throw new Error("on purpose");
        }),
      "on purpose",
    ],
  ];

  async function mingle(pool: TenantPool): Promise<{ rows: number; failed: number }> {
    const counts = { rows: 0, failed: 0 };
    let next = 0;
    const takeTurns = async () => {
      while (next < statementCount) {
        const turn = next++;
        const company = companies[Math.floor(Math.random() * companyCount)] as Company;
        const other = companies.find(({ id }) => id !== company.id) as Company;
        const move = moves[Math.floor(Math.random() * moves.length)] as (typeof moves)[number];
        if (turn % 250 === 249) await killOne();
        const [run, failsWith] = move;
        try {
          const rows = await run(pool.forTenant(company), other);
          expect(failsWith, "a move that had to fail").to.equal(undefined);
          const own = { mark: company.slug, user: `tenant_${company.id}`, tenant: company.uuid };
          for (const row of rows) expect({ ...row }).to.deep.equal(own);
          counts.rows += rows.length;
        } catch (error) {
          const { name, code, message } = error as Error & { code?: string };
          const isOwn = failsWith !== undefined && [name, code, message].includes(failsWith);
          if (!isOwn && !isServiceDown(error)) throw error;
          counts.failed += 1;
        }
      }
    };
    await Promise.all(Array.from({ length: atOnce }, takeTurns));
    return counts;
  }

  for (const way of ["directly", "through PgBouncer in transaction mode"]) {
    it(`see their own rows only, ${way}`, async () => {
      const url = way === "directly" ? platform.databaseUrl : pooler.url;
      const pool = openTenantPool(url, platform.ctx.secrets, { name: appName, max: 8 });
      try {
        const { rows, failed } = await mingle(pool);
        expect(rows).to.be.greaterThan(statementCount / 2);
        expect(failed).to.be.greaterThan(statementCount / 10);
        for (const company of companies) {
          const seen = await look(pool.forTenant(company).db);
          expect(seen.map(({ mark }) => mark)).to.deep.equal(Array(3).fill(company.slug));
        }
      } finally {
        await pool.close();
      }
    });
  }

  it("leave PgBouncer's connections without a company", async () => {
    const one = await startPooler(platform.databaseUrl, {
      user: runtimeRole,
      password: servicePassword(platform.ctx.secrets, runtimeRole),
      connections: 1,
    });
    const pool = openTenantPool(one.url, platform.ctx.secrets, { name: appName, max: 2 });
    const [a, b] = companies.map((company) => pool.forTenant(company)) as [TenantHandle, TenantHandle];
    const clean = { role: "none", zone: "UTC", tenant: "", locks: 0 };
    const lookBelow = () =>
      b.transaction(async (db) => {
        await runBelowIn(db, "COMMIT");
        const { rows } = await db.raw(
          `SELECT current_setting('role') AS role, current_setting('TimeZone') AS zone,
                  current_setting('app.current_tenant', true) AS tenant,
                  (SELECT count(*)::int FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()) AS locks`,
        );
        return rows[0];
      });
    try {
      for (const sql of ["SET ROLE NONE", "SET TimeZone TO 'Asia/Tokyo'"]) {
        await runBelow(a, sql);
        expect(await lookBelow(), sql).to.deep.equal(clean);
        await a.transaction((db) => runBelowIn(db, sql));
        expect(await lookBelow(), `${sql}, in a transaction`).to.deep.equal(clean);
      }
      const onTheList = "SELECT pg_advisory_lock(7)";
      await a.db.raw(onTheList);
      expect(await lookBelow(), onTheList).to.deep.equal(clean);
      await a.transaction((db) => db.raw(onTheList));
      expect(await lookBelow(), `${onTheList}, in a transaction`).to.deep.equal(clean);
    } finally {
      await pool.close();
      await one.stop();
    }
  });
});
