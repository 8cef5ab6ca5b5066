import { expect } from "chai";
import { openDatabase, type Knex } from "../core/db.ts";
import { lockPlan, strongestLocks } from "../core/migrations/analysis/lock-plan.ts";
import { emptyModel } from "../core/migrations/analysis/schema-model.ts";
import { renderDryRun } from "../core/migrations/analysis/render-dry-run.ts";
import { parseStatements } from "../core/migrations/analysis/syntax-tree.ts";
import { compiledMigrations, compileMigrations } from "../core/migrations/compile.ts";
import { parseMigration } from "../core/migrations/sql-files.ts";
import { createTestDatabase } from "./support/servers.ts";
import { clipTitle } from "./support/titles.ts";

const schema = "lock_plan";

const made = `
  CREATE TABLE shops (id bigint PRIMARY KEY, name text, code int UNIQUE);
  CREATE TABLE goods (id bigint PRIMARY KEY, shop_id bigint REFERENCES shops ON DELETE CASCADE, price int);
  CREATE TABLE sales (id bigint PRIMARY KEY, good_id bigint CONSTRAINT sales_good REFERENCES goods);
  CREATE TABLE notes (day date NOT NULL, body text, shop_id bigint REFERENCES shops) PARTITION BY RANGE (day);
  CREATE TABLE notes_rest PARTITION OF notes DEFAULT;
  CREATE TABLE loose (id int, CONSTRAINT positive CHECK (id > 0) NOT VALID);
  ALTER TABLE loose ADD CONSTRAINT loose_shop FOREIGN KEY (id) REFERENCES shops NOT VALID;
  CREATE INDEX goods_by_price ON goods (price);
  CREATE VIEW dear AS SELECT name FROM shops;
  CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
  CREATE TRIGGER nothing BEFORE INSERT ON loose FOR EACH ROW EXECUTE FUNCTION nothing();
  INSERT INTO shops VALUES (1, 'a', 1), (2, 'b', 2);
  INSERT INTO goods VALUES (1, 1, 5);
  INSERT INTO sales VALUES (1, NULL)`;

/** Each is run alone; what it locks of the tables above is exactly what the plan says. */
const statements = [
  "SELECT * FROM goods",
  "SELECT * FROM goods FOR UPDATE",
  "WITH shops AS (SELECT 1 FROM goods) SELECT * FROM shops",
  "INSERT INTO goods VALUES (2, 1, 3)",
  "UPDATE goods SET price = 6",
  "UPDATE goods SET shop_id = 2",
  "DELETE FROM shops",
  "LOCK TABLE goods IN SHARE MODE",
  "TRUNCATE shops CASCADE",
  "ALTER TABLE goods ADD COLUMN weight int NOT NULL DEFAULT 0",
  "ALTER TABLE goods ALTER COLUMN price SET DEFAULT 3",
  "ALTER TABLE goods ALTER COLUMN price SET STATISTICS 100",
  "ALTER TABLE goods SET (fillfactor = 80)",
  "ALTER TABLE goods SET (fillfactor = 80), ALTER COLUMN price SET NOT NULL",
  "ALTER TABLE goods ALTER COLUMN price TYPE bigint",
  "ALTER TABLE goods ALTER COLUMN shop_id TYPE int",
  "ALTER TABLE goods DROP COLUMN shop_id",
  "ALTER TABLE loose ADD CONSTRAINT to_shop FOREIGN KEY (id) REFERENCES shops (code) NOT VALID",
  "ALTER TABLE loose ADD COLUMN shop_id bigint REFERENCES shops",
  "ALTER TABLE loose VALIDATE CONSTRAINT positive",
  "ALTER TABLE loose VALIDATE CONSTRAINT loose_shop",
  "ALTER TABLE sales DROP CONSTRAINT sales_good",
  "ALTER TABLE loose DISABLE TRIGGER nothing",
  "ALTER TABLE loose ENABLE ROW LEVEL SECURITY",
  "ALTER TABLE notes ADD COLUMN more text",
  "ALTER TABLE notes DETACH PARTITION notes_rest",
  "ALTER TABLE goods RENAME TO wares",
  "ALTER TABLE goods RENAME COLUMN price TO cost",
  "ALTER INDEX goods_by_price RENAME TO goods_by_cost",
  "CREATE INDEX ON goods (price)",
  "DROP INDEX goods_by_price",
  "REINDEX INDEX goods_by_price",
  "CREATE TABLE bills (id int, shop_id bigint REFERENCES shops)",
  "CREATE TABLE notes_2026 PARTITION OF notes FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')",
  "CREATE TABLE copied (LIKE goods)",
  "CREATE TABLE heir () INHERITS (loose)",
  "CREATE VIEW all_goods AS SELECT goods.* FROM goods JOIN shops ON shops.id = shop_id",
  "CREATE OR REPLACE VIEW dear AS SELECT name FROM shops WHERE name > 'b'",
  "CREATE TRIGGER again BEFORE INSERT ON goods FOR EACH ROW EXECUTE FUNCTION nothing()",
  "DROP TRIGGER nothing ON loose",
  "CREATE POLICY mine ON goods USING (true)",
  "CREATE STATISTICS more ON price, shop_id FROM goods",
  "COMMENT ON COLUMN goods.price IS 'in cents'",
  "DROP TABLE sales",
  "DROP TABLE notes_rest",
  "DROP TABLE goods CASCADE",
  "DROP TABLE shops CASCADE",
  "ALTER TABLE shops ALTER COLUMN id TYPE int",
  "UPDATE shops SET name = 'c'",
  "UPDATE shops SET id = 7 WHERE id = 2",
  "MERGE INTO sales USING goods ON goods.id = good_id WHEN MATCHED THEN DELETE",
  "DROP VIEW dear",
  "GRANT SELECT ON goods TO PUBLIC",
];

describe("what a migration locks", () => {
  let db: Knex;

  before(async () => {
    db = openDatabase(await createTestDatabase(), { name: "test", max: 2, searchPath: [schema] });
    await db.raw(`CREATE SCHEMA ${schema}`);
    await db.raw(made);
  });
  after(() => db.destroy());

  /** Locks that the statement's transaction holds on tables of the schema, as the server tells. */
  async function locksOfServer(sql: string): Promise<string[]> {
    const trx = await db.transaction();
    try {
      await trx.raw(`CREATE TEMP TABLE known ON COMMIT DROP AS SELECT oid, relname::text FROM pg_class
        WHERE relnamespace = '${schema}'::regnamespace AND relkind IN ('r', 'p', 'v')`);
      await trx.raw(sql);
      const { rows } = await trx.raw(`SELECT relname, mode FROM pg_locks JOIN known ON known.oid = relation
        WHERE pid = pg_backend_pid() AND locktype = 'relation'`);
      return strongestOf(rows.map((row: { relname: string; mode: string }) => [row.relname, row.mode]));
    } finally {
      await trx.rollback();
    }
  }

  for (const sql of statements) {
    it(clipTitle(`is as planned by ${sql}`), async () => {
      const { after: model } = lockPlan(await parseStatements(made), emptyModel());
      const { locks } = lockPlan(await parseStatements(sql), model);
      const planned = locks.filter(({ existing }) => existing).map(({ table, mode }) => [table, asServer(mode)]);
      expect(strongestOf(planned), sql).to.deep.equal(await locksOfServer(sql));
    });
  }

  it("is reported for tables that were there before, by the names that they had", async () => {
    const { after: model } = lockPlan(await parseStatements(made), emptyModel());
    const sql = `ALTER TABLE goods RENAME TO wares; UPDATE wares SET price = 1; CREATE TABLE fresh (id int);
      CREATE INDEX ON fresh (id); CREATE INDEX CONCURRENTLY ON shops (name); DROP TABLE IF EXISTS nobody_knows`;
    const { locks } = lockPlan(await parseStatements(sql), model);
    expect(strongestLocks(locks, model)).to.deep.equal([
      { table: "goods", mode: "ACCESS EXCLUSIVE" },
      { table: "shops", mode: "SHARE UPDATE EXCLUSIVE" },
    ]);
    expect(locks.filter(({ existing }) => !existing).map(({ table }) => table)).to.include.members([
      "fresh",
      "nobody_knows",
    ]);
  });

  it("is known of every file of the product, and can be taken at its start", async () => {
    const newest = (await compiledMigrations("tenant")).find(({ name }) => name === "0014_people.sql");
    expect(newest?.locks).to.deep.equal([{ table: "user_sessions", mode: "ACCESS EXCLUSIVE" }]);
    expect(newest?.downLocks).to.deep.equal([{ table: "user_sessions", mode: "ACCESS EXCLUSIVE" }]);
  });

  it("stands over the exact SQL of a dry run", async () => {
    const files = [
      "0001_a.sql -- up\nCREATE TABLE a (x int); -- no\n-- down\nDROP TABLE a;",
      "0002_b.sql -- up\nCREATE INDEX b ON a (x);\n-- down\nDROP INDEX b;",
    ];
    const compiled = await compileMigrations(files.map((file) => parseMigration(file.slice(0, 10), file.slice(11))));
    expect(renderDryRun(compiled, "up")).to.equal(
      `-- 0001_a.sql (up)\n-- locks no table that is there before\nCREATE TABLE a (x int);\n
-- 0002_b.sql (up)\n-- locks a: SHARE, writes wait\nCREATE INDEX b ON a (x);\n`,
    );
    expect(renderDryRun(compiled.slice(1), "down")).to.equal(
      "-- 0002_b.sql (down)\n-- locks a: ACCESS EXCLUSIVE, reads and writes wait\nDROP INDEX b;\n",
    );
  });
});

const order = [
  "AccessShare",
  "RowShare",
  "RowExclusive",
  "ShareUpdateExclusive",
  "Share",
  "ShareRowExclusive",
  "Exclusive",
  "AccessExclusive",
];

const asServer = (mode: string): string =>
  `${mode.toLowerCase().replaceAll(/(^| )./g, (letter) => letter.trim().toUpperCase())}Lock`;

function strongestOf(locks: readonly (readonly string[])[]): string[] {
  const strongest = new Map<string, string>();
  const rank = (mode: string) => order.indexOf(mode.replace(/Lock$/, ""));
  for (const [table = "", mode = ""] of locks)
    if (rank(mode) > rank(strongest.get(table) ?? "")) strongest.set(table, mode);
  return [...strongest].map(([table, mode]) => `${table} ${mode}`).toSorted();
}
