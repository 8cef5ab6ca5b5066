/** Every public table that a serving process may read is bounded row by row. */
import { expect } from "chai";
import { openDatabase, type Knex } from "../core/db.ts";
import { openRegistry } from "../core/registry.ts";
import { registryRole } from "../core/service-roles.ts";
import { usePlatform } from "./support/platform.ts";
import { openCompany, type Company } from "./support/runtime-client.ts";

const ofCompanies = ["domains", "certificates", "subscriptions", "tenant_modules"];

describe("row-level security of the registry", () => {
  const platform = usePlatform({ workers: true });
  let registry: Knex;
  let a: Company;
  let b: Company;
  before(async () => {
    [a, b] = await Promise.all([openCompany(platform), openCompany(platform)]);
    registry = openRegistry(platform.databaseUrl, platform.ctx.secrets, "rls test");
  });
  after(() => registry.destroy());

  /** Tables of `public` that a role may read, and whether rows are bounded for it. */
  const readableBy = (role: string) =>
    platform.query<{ name: string; bounded: boolean }>(
      `SELECT c.relname AS name, c.relrowsecurity AND EXISTS (SELECT FROM pg_policy p
                WHERE p.polrelid = c.oid AND (SELECT oid FROM pg_roles WHERE rolname = $1) = ANY (p.polroles)) AS bounded
         FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
          AND (has_table_privilege($1, c.oid, 'SELECT') OR has_any_column_privilege($1, c.oid, 'SELECT')) ORDER BY 1`,
      [role],
    );
  const companiesSeen = async (db: Knex, table: string): Promise<number[]> => {
    const column = table === "companies" ? "id" : "company_id";
    return db(table).whereIn(column, [a.id, b.id]).distinct(column).orderBy(column).pluck(column);
  };
  const asTenant = <T>(uuid: string, work: (db: Knex) => Promise<T>): Promise<T> =>
    registry.transaction(async (trx) => {
      await trx.raw("SET LOCAL app.current_tenant TO ??", [uuid]);
      return work(trx);
    });

  it("is on for every table the registry's role may read, with a policy for it", async () => {
    const tables = await readableBy(registryRole);
    expect(tables.map(({ name }) => name)).to.include.members(["companies", "plans", "signing_keys", ...ofCompanies]);
    expect(tables.filter(({ bounded }) => !bounded)).to.deep.equal([]);
  });

  it("has no table to bound for the runtime's role and for a company's role", async () => {
    for (const role of ["secretaria_runtime", `tenant_${a.id}`]) expect(await readableBy(role)).to.deep.equal([]);
  });

  it("shows all companies where no company is set, as hosts are looked up", async () => {
    for (const table of ["companies", ...ofCompanies])
      expect(await companiesSeen(registry, table), table).to.deep.equal([a.id, b.id].toSorted((x, y) => x - y));
  });

  it("shows one company's rows, and the price list, where that company is set", async () => {
    for (const table of ["companies", ...ofCompanies]) {
      const seen = await asTenant(a.uuid, (db) => companiesSeen(db, table));
      expect(seen, table).to.deep.equal([a.id]);
    }
    expect(await asTenant(a.uuid, (db) => db("plans").pluck("code"))).to.include("basic");
  });

  it("shows no company's rows for a company that is not there", async () => {
    const nobody = "00000000-0000-4000-8000-000000000000";
    for (const table of ["companies", ...ofCompanies])
      expect(await asTenant(nobody, (db) => companiesSeen(db, table)), table).to.deep.equal([]);
  });

  it("never shows the platform's own signing keys, and lets nothing be written", async () => {
    expect(await registry("signing_keys").distinct("purpose").pluck("purpose")).to.deep.equal(["tenant"]);
    for (const table of ["companies", "plans"]) {
      const code = await registry(table)
        .update({ name: "Outro" })
        .then(
          () => "ran",
          (error: { code: string }) => error.code,
        );
      expect(code, table).to.equal("42501");
    }
  });

  it("still finds a host by its index", async () => {
    const db = openDatabase(platform.databaseUrl, { name: "rls plan", max: 1 });
    try {
      const plan = await db.transaction(async (trx) => {
        await trx.raw(`SET LOCAL ROLE ${registryRole}`);
        await trx.raw("SET LOCAL enable_seqscan TO off");
        const { rows } = await trx.raw("EXPLAIN SELECT company_id FROM domains WHERE host = 'chat.acme.localhost'");
        return JSON.stringify(rows);
      });
      expect(plan).to.include("domains_host_key").and.include("Index Cond: (host");
    } finally {
      await db.destroy();
    }
  });
});
