/** Files held against each other, against what was released, and against a server. */
import { expect } from "chai";
import { openDatabase } from "../core/db.ts";
import { recordApplied } from "../core/migrations/applied.ts";
import { renderFinding } from "../core/migrations/lint/finding.ts";
import { lintMigrations } from "../core/migrations/lint/lint-migrations.ts";
import { proveMigrations } from "../core/migrations/lint/prove-migrations.ts";
import { sealMigrations } from "../core/migrations/lint/seal.ts";
import { useLintFolder } from "./support/lint-folder.ts";
import { createTestDatabase } from "./support/servers.ts";

describe("the lint of files as they follow each other", () => {
  const folder = useLintFolder();
  const { lint } = folder;

  it("sees files that do not fit together", async () => {
    const text = "-- why: a test\n-- up\nSELECT 1;\n-- down\nSELECT 1;\n";
    expect(await lint({ "5000_a.sql": text, "5000_b.sql": text })).to.deep.equal([
      "5000_a.sql:1 error duplicate-number",
      "5000_b.sql:1 error duplicate-number",
    ]);
    folder.remove("5000_b.sql");
    const contract = text.replace("-- up", "-- contract: 5000_a.sql\n-- up");
    expect(await lint({ "5001_c.sql": contract })).to.deep.equal(["5001_c.sql:1 error unknown-contract"]);
    expect(await lint({ "5000_a.sql": text.replace("-- up", "-- expand\n-- up") })).to.deep.equal([]);
    const empty = text.replace(/(-- down\n).*\n/, "$1-- later\n");
    expect(await lint({ "5001_c.sql": empty })).to.deep.equal(["5001_c.sql:5 error missing-down"]);
    expect(await lint({ "5001_c.sql": "-- up\nSELECT 1;\n-- down\n" })).to.deep.equal([
      "5001_c.sql:1 error missing-down",
    ]);
  });

  it("holds each folder to its numbers, by which versions are read", async () => {
    const text = "-- why: a test\n-- up\nSELECT 1;\n-- down\nSELECT 1;\n";
    expect(await lint({ "4999_a.sql": text, "5000_b.sql": text })).to.deep.equal(["4999_a.sql:1 error wrong-number"]);
  });

  it("holds sealed files to what they were", async () => {
    const text = "-- why: a test\n-- up\nSELECT 1;\n-- down\nSELECT 1;\n";
    await lint({ "5005_a.sql": text });
    expect(await sealMigrations("tenant")).to.deep.equal(["5005_a.sql"]);
    expect(await sealMigrations("tenant")).to.deep.equal([]);
    expect(await lint({})).to.deep.equal([]);
    expect(await lint({ "5004_b.sql": text })).to.deep.equal(["5004_b.sql:1 error out-of-order"]);
    folder.remove("5004_b.sql");
    expect(await lint({ "5005_a.sql": `${text}-- more\n` })).to.deep.equal(["5005_a.sql:1 error edited-history"]);
    folder.remove("5005_a.sql");
    expect(await lint({})).to.deep.equal(["5005_a.sql:1 error edited-history"]);
    const drop = text.replace("SELECT 1", "DROP TABLE customers");
    folder.write({ "5006_c.sql": drop });
    const refusal = await sealMigrations("tenant").then(String, (error: Error) => error.message);
    expect(refusal).to.include("5006_c.sql:3 error destructive");
  });

  it("tries each file on a server: up, down and up again", async () => {
    const db = openDatabase(await createTestDatabase(), { name: "test", max: 1 });
    const file = (up: string, down: string) => `-- why: a test\n-- up\n${up}\n-- down\n${down}\n`;
    const prove = async (files: Readonly<Record<string, string>>) => {
      folder.write(files);
      folder.use();
      return (await proveMigrations(db)).map(renderFinding);
    };
    try {
      const make = "create table points (id int, name text);";
      const index = "create index concurrently if not exists by_id on points (id);";
      const alone = file(index, "drop index concurrently if exists by_id;").replace(
        "-- up",
        "-- no-transaction\n-- up",
      );
      expect(await prove({ "5000_a.sql": file(make, "drop table points;"), "5001_b.sql": alone })).to.deep.equal([]);
      const add = "alter table points add column x int;\nalter table points alter x set default 1;";
      const [found, ...more] = await prove({ "5002_c.sql": file(add, "alter table points alter x drop default;") });
      expect(found).to.match(/5002_c\.sql:6 error not-reversible after up and down \+ column points\.x/);
      expect(more.join()).to.match(/^[^,]*5002_c\.sql:3 error fails .*column "x" of relation "points" already exists/);
      const { rows } = await db.raw("SELECT 1 FROM pg_namespace WHERE nspname LIKE 'tenant\\_9007%'");
      expect(rows).to.deep.equal([]);
    } finally {
      await db.destroy();
    }
  });

  it("and the commands that migrate compare files with what a database ran", async () => {
    const text = "-- why: a test\n-- up\nSELECT 1;\n-- down\nSELECT 1;\n";
    const url = await createTestDatabase();
    const [db, other] = [openDatabase(url, { name: "test", max: 1 }), openDatabase(url, { name: "test", max: 1 })];
    try {
      await lint({ "5000_a.sql": text });
      await recordApplied(db, "tenant");
      await recordApplied(db, "tenant");
      // As in another process: what was read before is read again.
      folder.use();
      await lint({ "5000_a.sql": `${text}-- more\n` });
      const found = await lintMigrations({ kind: "tenant", db });
      expect(found.map(({ code }) => code)).to.deep.equal(["edited-history"]);
      const refusal = await recordApplied(other, "tenant").then(String, (error: Error) => error.message);
      expect(refusal).to.include("5000_a.sql of migrations/tenant ran in this database with another text");
    } finally {
      await db.destroy();
      await other.destroy();
    }
  });
});
