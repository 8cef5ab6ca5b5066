import { expect } from "chai";
import { openDatabase, sendBatch, type Knex } from "../core/db.ts";
import { compiledMigrations, splitStatements } from "../core/migrations/compile.ts";
import { fingerprintDiff, schemaFingerprint } from "../core/migrations/fingerprint.ts";
import { referenceFingerprint } from "../core/migrations/reference.ts";
import { migrateDown, migratePublic, migrateTenant, pendingMigrations } from "../core/migrations/run.ts";
import { parseMigration, readMigrations } from "../core/migrations/sql-files.ts";
import { grantStatements, roleStatements, schemaStatements } from "../core/migrations/tenant-schema.ts";
import { ownerMark } from "../core/tenant.ts";
import { createTestDatabase } from "./support/servers.ts";

describe("migrations", () => {
  let url: string;
  let db: Knex;
  const batchTenant = { id: 901, uuid: "00000000-0000-4000-8000-000000000901" };
  const knexTenant = { id: 902, uuid: "00000000-0000-4000-8000-000000000902" };

  before(async () => {
    url = await createTestDatabase();
    db = openDatabase(url, { name: "test", max: 2 });
    await sendBatch(db, [...roleStatements(batchTenant), ...(await schemaStatements(batchTenant))]);
  });
  after(async () => {
    for (const { id } of [batchTenant, knexTenant]) {
      await db.raw(`DROP SCHEMA IF EXISTS tenant_${id} CASCADE`);
      await db.raw(`DROP ROLE IF EXISTS tenant_${id}`);
    }
    await db.destroy();
  });

  it("make the same schema as one batch and as knex.migrate.latest", async () => {
    await db.raw("CREATE SCHEMA tenant_902");
    await db.raw(`COMMENT ON SCHEMA tenant_902 IS '${ownerMark(knexTenant.uuid)}'`);
    await sendBatch(db, roleStatements(knexTenant));
    // Knex's own tables come before the default privileges, as in the batch: tenants may not touch them.
    await db.migrate.list({
      migrationSource: {
        getMigrations: async () => [],
        getMigrationName: String,
        getMigration: async () => ({}) as never,
      },
      schemaName: "tenant_902",
    });
    await sendBatch(db, grantStatements(knexTenant));
    const { names } = await migrateTenant(url, knexTenant);
    expect(names).to.deep.equal(readMigrations("tenant").map(({ name }) => name));

    const [batch, knex] = [await schemaFingerprint(db, "tenant_901"), await schemaFingerprint(db, "tenant_902")];
    expect(fingerprintDiff(batch, knex)).to.deep.equal([]);
    expect(batch.hash).to.equal(knex.hash);
    expect(batch.lines.length).to.be.greaterThan(500);
  });

  it("record in the batch what knex would have recorded, so that nothing is pending", async () => {
    expect(await pendingMigrations(db, "tenant", "tenant_901")).to.deep.equal([]);
    expect((await migrateTenant(url, batchTenant)).names).to.deep.equal([]);
  });

  it("see the difference when a schema was changed by hand", async () => {
    const before = await schemaFingerprint(db, "tenant_901");
    await db.raw("ALTER TABLE tenant_901.customers ADD COLUMN loyalty integer");
    const after = await schemaFingerprint(db, "tenant_901");
    await db.raw("ALTER TABLE tenant_901.customers DROP COLUMN loyalty");
    expect(after.hash).not.to.equal(before.hash);
    expect(fingerprintDiff(before, after)).to.have.length(1);
    expect(fingerprintDiff(before, after)[0]).to.match(/^\+ column customers\.loyalty integer/);
    expect((await schemaFingerprint(db, "tenant_901")).hash).to.equal(before.hash);
  });

  it("have a reference to hold schemas against, which is made and is never seen", async () => {
    const reference = await referenceFingerprint(db);
    expect(fingerprintDiff(reference, await schemaFingerprint(db, "tenant_901"))).to.deep.equal([]);
    expect(await referenceFingerprint(db)).to.equal(reference);
    const left = await db.raw(
      `SELECT nspname FROM pg_namespace WHERE nspname LIKE 'tenant\\_9007%'
       UNION ALL SELECT rolname FROM pg_roles WHERE rolname LIKE 'tenant\\_9007%'`,
    );
    expect(left.rows).to.deep.equal([]);
  });

  it("of tenants go up, down and up again to the same fingerprint", async () => {
    const before = await schemaFingerprint(db, "tenant_902");
    await migrateDown(url, "tenant", "tenant_902");
    const emptied = await schemaFingerprint(db, "tenant_902");
    expect(emptied.lines.filter((line) => !line.includes("knex_migrations"))).to.deep.equal([]);
    await migrateTenant(url, knexTenant);
    expect(fingerprintDiff(before, await schemaFingerprint(db, "tenant_902"))).to.deep.equal([]);
  });

  it("of public go up, down and up again to the same fingerprint", async () => {
    const before = await schemaFingerprint(db, "public");
    await migrateDown(url, "public", "public");
    const emptied = await schemaFingerprint(db, "public");
    expect(emptied.lines.filter((line) => !line.includes("knex_migrations"))).to.deep.equal([]);
    expect((await migratePublic(url)).names).to.have.length(readMigrations("public").length);
    expect(fingerprintDiff(before, await schemaFingerprint(db, "public"))).to.deep.equal([]);
  });

  it("give the tenant's role data and nothing else", async () => {
    const { rows } = await db.raw(
      `SELECT has_table_privilege('tenant_901', 'tenant_901.customers', 'SELECT, INSERT, UPDATE, DELETE') AS data,
              has_table_privilege('tenant_901', 'tenant_901.customers', 'TRUNCATE') AS truncate,
              has_table_privilege('tenant_901', 'tenant_901.knex_migrations', 'SELECT') AS bookkeeping,
              has_schema_privilege('tenant_901', 'tenant_901', 'CREATE') AS ddl,
              has_schema_privilege('tenant_901', 'public', 'USAGE') AS public,
              has_schema_privilege('tenant_901', 'tenant_902', 'USAGE') AS neighbour,
              (SELECT count(*)::int FROM pg_class WHERE relowner = 'tenant_901'::regrole) AS owned,
              (SELECT rolpassword IS NULL AND rolcanlogin AND NOT rolinherit FROM pg_authid WHERE rolname = 'tenant_901') AS login_without_password`,
    );
    expect(rows[0]).to.deep.equal({
      data: true,
      truncate: false,
      bookkeeping: false,
      ddl: false,
      public: false,
      neighbour: false,
      owned: 0,
      login_without_password: true,
    });
  });

  it("make the message tables as one each: they are partitioned when they are large", async () => {
    const kinds = await db("pg_class")
      .whereRaw(
        "relnamespace = 'tenant_901'::regnamespace AND relkind IN ('r', 'p') AND relname LIKE '%bound_messages%'",
      )
      .orderBy("relname")
      .select("relname", "relkind");
    expect(kinds).to.deep.equal([
      { relname: "inbound_messages", relkind: "r" },
      { relname: "outbound_messages", relkind: "r" },
    ]);
  });

  it("are split into single statements by PostgreSQL's own parser", async () => {
    const sql = `CREATE TABLE ação (x text DEFAULT 'a;b'); -- a comment; with a semicolon
      INSERT INTO ação VALUES ($$;$$);;`;
    expect(await splitStatements(sql)).to.deep.equal([
      "CREATE TABLE ação (x text DEFAULT 'a;b')",
      "INSERT INTO ação VALUES ($$;$$)",
    ]);
    for (const migration of await compiledMigrations("tenant"))
      expect(migration.statements.length, migration.name).to.be.greaterThan(0);
  });

  it("say what is wrong with a file", () => {
    expect(() => parseMigration("0001_x.sql", "-- up\nSELECT 1;\n")).to.throw("0001_x.sql: needs a line '-- down'");
    expect(() => parseMigration("0001_x.sql", "-- up\n\n-- down\nSELECT 1;")).to.throw(
      "needs statements under '-- up'",
    );
    expect(() => parseMigration("x.sql", "")).to.throw("name migrations like");
  });
});
