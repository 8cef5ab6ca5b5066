/** What a handle of one company can reach, when the program that holds it was talked into anything. */
import { expect } from "chai";
import { openTenantPool, type TenantPool } from "../core/tenant-db/tenant-pool.ts";
import { usePlatform } from "./support/platform.ts";
import { openCompany, type Company } from "./support/runtime-client.ts";

describe("database handles of a company", () => {
  const platform = usePlatform({ workers: true });
  let a: Company;
  let b: Company;
  let pool: TenantPool;
  before(async () => {
    [a, b] = await Promise.all([openCompany(platform), openCompany(platform)]);
    for (const { id, slug } of [a, b]) {
      const sql = `INSERT INTO tenant_${id}.customers (name, metadata) VALUES ('Ana', $1), ('Bia', $1)`;
      await platform.query(sql, [{ of: slug }]);
    }
    // One connection: whatever the first company leaves behind, the second one finds.
    pool = openTenantPool(platform.databaseUrl, platform.ctx.secrets, { name: "isolation test", max: 1 });
  });
  after(() => pool.close());

  const codeOf = (company: Company, sql: string): Promise<string> =>
    pool
      .forTenant(company)
      .db.raw(sql)
      .then(
        () => "ran",
        (error: { code: string }) => error.code,
      );

  it("reach nothing but the company's own rows", async () => {
    const insufficientPrivilege = "42501";
    const attempts = [
      `SELECT * FROM tenant_${b.id}.customers`,
      `UPDATE tenant_${b.id}.customers SET name = 'x'`,
      `CREATE TABLE mine (id int)`,
      `CREATE TABLE tenant_${b.id}.theirs (id int)`,
      `CREATE SCHEMA another`,
      `DROP TABLE customers`,
      `SELECT * FROM public.companies`,
      `SELECT * FROM public.signing_keys`,
      `SELECT pg_read_file('/etc/passwd')`,
    ];
    for (const sql of attempts) expect(await codeOf(a, sql), sql).to.equal(insufficientPrivilege);
    expect(await codeOf(a, "SELECT * FROM companies")).to.equal("42P01");
    expect(await codeOf(a, "SELECT * FROM customers")).to.equal("ran");
  });

  it("take one statement at a time", async () => {
    expect(await codeOf(a, "SELECT 1; SELECT 2")).to.equal("42601");
    expect(await codeOf(a, "COMMIT; SET ROLE NONE; SELECT * FROM public.companies")).to.equal("42601");
  });

  it("leave nothing behind for the next company on the same connection", async () => {
    const look = (company: Company) =>
      pool.forTenant(company).transaction(async (db) => {
        const { rows } = await db.raw<{ rows: Record<string, string>[] }>(
          `SELECT pg_backend_pid() AS pid, current_user AS "user", current_setting('app.current_tenant') AS tenant,
                  (SELECT string_agg(DISTINCT metadata->>'of', ',') FROM customers) AS marks`,
        );
        return rows[0];
      });
    const first = await look(a);
    expect(first).to.include({ user: `tenant_${a.id}`, tenant: a.uuid, marks: a.slug });
    expect(await codeOf(a, "SELECT 1 / 0")).to.equal("22012");
    const abandoned = pool.forTenant(a).transaction(async (db) => {
      await db.raw("UPDATE customers SET name = 'Ninguém'");
      throw new Error("abandoned");
    });
    expect(await abandoned.catch((error: Error) => error.message)).to.equal("abandoned");

    expect(await look(b)).to.deep.equal({ pid: first?.["pid"], user: `tenant_${b.id}`, tenant: b.uuid, marks: b.slug });
    expect(await look(a)).to.deep.equal(first);
    const kept = await platform.query(`SELECT name FROM tenant_${a.id}.customers ORDER BY name`);
    expect(kept).to.deep.equal([{ name: "Ana" }, { name: "Bia" }]);
  });

  it("leave the connection itself as it was: without a company, and without rights", async () => {
    await pool.forTenant(a).transaction((db) => db("customers").first("id"));
    await pool.forTenant(b).transaction(async (db) => {
      // Ends the transaction, and with it everything that was set for it.
      await db.raw("COMMIT");
      const { rows } = await db.raw(
        `SELECT current_user = session_user AS "isItself", current_setting('search_path') AS path,
                current_setting('app.current_tenant', true) AS tenant, current_setting('statement_timeout') AS timeout`,
      );
      expect(rows[0]).to.deep.include({ isItself: true, tenant: "", timeout: "15s" });
      expect(rows[0].path).not.to.include("tenant_");
      for (const sql of [`SELECT * FROM tenant_${b.id}.customers`, "SELECT * FROM public.companies"]) {
        const code = await db.raw(sql).then(
          () => "ran",
          (error: { code: string }) => error.code,
        );
        expect(code, sql).to.equal("42501");
      }
    });
  });
});
