import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { openDatabase, type Knex } from "../core/db.ts";
import { compiledMigrations } from "../core/migrations/compile.ts";
import { fingerprintDiff, schemaFingerprint } from "../core/migrations/fingerprint.ts";
import { migrationFolder, useMigrationFolders } from "../core/migrations/folders.ts";
import { lintMigrations } from "../core/migrations/lint/lint-migrations.ts";
import { sealMigrations } from "../core/migrations/lint/seal.ts";
import { makeSchema } from "../core/migrations/make-schema.ts";
import { referenceFingerprint } from "../core/migrations/reference.ts";
import { migrateTenant, pendingMigrations } from "../core/migrations/run.ts";
import { roleStatements, schemaStatements } from "../core/migrations/tenant-schema.ts";
import { tenantVersion } from "../core/migrations/version.ts";
import { createTestDatabase } from "./support/servers.ts";

const table = "-- why: a test\n-- up\ncreate table points (id int, name text);\n-- down\ndrop table points;\n";
const more =
  "-- why: a test\n-- up\nalter table points add column late int;\n-- down\nalter table points drop column late;\n";
const index = `-- why: a test
-- no-transaction
-- up
create unique index concurrently if not exists points_by_id on points (id);
-- down
drop index concurrently if exists points_by_id;
`;

const script = `// why: a test
import type { Knex } from "knex";

export async function up(db: Knex): Promise<void> {
  await db.raw("alter table points add column filled text not null default 'no'");
  await db("points").insert({ id: 1, filled: String(1 as number) });
}

export async function down(db: Knex): Promise<void> {
  await db("points").where({ id: 1 }).delete();
  await db.raw("alter table points drop column filled");
}
`;
const built = script
  .replace(/import type .*\n/, "")
  .replaceAll(/: (Knex|Promise<void>)/g, "")
  .replace(" as number", "");

describe("migrations in TypeScript, and those without a transaction", () => {
  let url: string;
  let db: Knex;
  let folder: string;
  const tenants = [931, 932, 933].map((id) => ({ id, uuid: `00000000-0000-4000-8000-000000000${id}` }));
  const [fresh, older, broken] = tenants as [(typeof tenants)[0], (typeof tenants)[0], (typeof tenants)[0]];

  const use = (...files: readonly [string, string][]): void => {
    folder = mkdtempSync(join(tmpdir(), "secretaria-scripts-"));
    for (const [name, text] of files) writeFileSync(join(folder, name), text);
    useMigrationFolders("tenant", [migrationFolder("tenant"), folder]);
  };
  const applied = (id: number): Promise<string[]> =>
    db.withSchema(`tenant_${id}`).from("knex_migrations").where("name", ">", "5").orderBy("id").pluck("name");

  before(async () => {
    url = await createTestDatabase();
    db = openDatabase(url, { name: "test", max: 2 });
  });
  afterEach(() => {
    useMigrationFolders("tenant", undefined);
    rmSync(folder, { recursive: true });
  });
  after(async () => {
    for (const { id } of tenants) {
      await db.raw(`DROP SCHEMA IF EXISTS tenant_${id} CASCADE`);
      await db.raw(`DROP ROLE IF EXISTS tenant_${id}`);
    }
    await db.destroy();
  });

  it("run among the SQL files, in new schemas and in old ones, to the same shape", async () => {
    use();
    await makeSchema(db, older, { before: roleStatements(older) });
    rmSync(folder, { recursive: true });
    use(["5000_points.sql", table], ["5001_fill.ts", script], ["5002_more.sql", more]);

    await makeSchema(db, fresh, { before: roleStatements(fresh), after: ["SELECT 1"] });
    const names = ["5000_points.sql", "5001_fill.ts", "5002_more.sql"];
    expect(await applied(fresh.id)).to.deep.equal(names);
    expect(await db.withSchema("tenant_931").from("points").select("id", "filled")).to.deep.equal([
      { id: 1, filled: "1" },
    ]);
    expect(await pendingMigrations(db, "tenant", "tenant_931")).to.deep.equal([]);

    expect((await migrateTenant(url, older)).names).to.deep.equal(names);
    const shape = await referenceFingerprint(db);
    expect(shape.lines.some((line) => line.startsWith("column points.filled"))).to.equal(true);
    for (const { id } of [fresh, older])
      expect(fingerprintDiff(shape, await schemaFingerprint(db, `tenant_${id}`))).to.deep.equal([]);
    const versions = await db("tenant_versions").whereIn("tenant_id", [931, 932]).pluck("version");
    expect(versions).to.deep.equal([await tenantVersion(), await tenantVersion()]);
    const refusal = await schemaStatements(fresh).then(String, (error: Error) => error.message);
    expect(refusal).to.include("5001_fill.ts is a script");
  });

  it("are the same migration when they were built to JavaScript", async () => {
    use(["5000_points.sql", table], ["5001_fill.ts", script], ["5002_more.sql", more]);
    const version = await tenantVersion();
    await sealMigrations("tenant");
    rmSync(join(folder, "5001_fill.ts"));
    writeFileSync(join(folder, "5001_fill.js"), built);
    writeFileSync(join(folder, "package.json"), `{ "type": "module" }`);
    useMigrationFolders("tenant", [migrationFolder("tenant"), folder]);
    expect(await tenantVersion()).to.equal(version);
    expect((await migrateTenant(url, fresh)).names).to.deep.equal([]);
    expect(await lintMigrations({ kind: "tenant", db })).to.deep.equal([]);
  });

  it("are looked over: both ways, twice the same name, and what a transaction refuses", async () => {
    use(["5001_fill.ts", script.replace("function down", "function back")]);
    expect((await lintMigrations({ kind: "tenant" })).map(({ code }) => code)).to.deep.equal(["missing-down"]);
    renameSync(join(folder, "5001_fill.ts"), join(folder, "5002_fill.ts"));
    writeFileSync(
      join(folder, "5002_fill.ts"),
      script.replace("alter table", "create index concurrently x; alter table"),
    );
    useMigrationFolders("tenant", [migrationFolder("tenant"), folder]);
    const [found] = await lintMigrations({ kind: "tenant" });
    expect(found).to.include({ code: "outside-transaction", line: 5 });
    writeFileSync(join(folder, "5002_fill.js"), built);
    expect(await compiledMigrations("tenant").then(String, String)).to.include("5002_fill.ts is there twice");
  });

  it("start over after a half-way failure, without the invalid index that it left", async () => {
    use(["5000_points.sql", table]);
    await makeSchema(db, broken, { before: roleStatements(broken) });
    await db
      .withSchema("tenant_933")
      .from("points")
      .insert([{ id: 1 }, { id: 1 }]);
    writeFileSync(join(folder, "5001_index.sql"), index);
    useMigrationFolders("tenant", [migrationFolder("tenant"), folder]);
    const isValid = () =>
      db("pg_index").whereRaw("indexrelid = to_regclass('tenant_933.points_by_id')").pluck("indisvalid");

    const failure = await migrateTenant(url, broken).then(String, (error: Error) => error.message);
    expect(failure).to.include("could not create unique index");
    expect(await isValid()).to.deep.equal([false]);
    await db.withSchema("tenant_933").from("points").delete();
    expect((await migrateTenant(url, broken)).names).to.deep.equal(["5001_index.sql"]);
    expect(await isValid()).to.deep.equal([true]);
    // New schemas have it from the batch, inside their one transaction.
    const shape = await referenceFingerprint(db);
    expect(fingerprintDiff(shape, await schemaFingerprint(db, "tenant_933"))).to.deep.equal([]);
  });
});
