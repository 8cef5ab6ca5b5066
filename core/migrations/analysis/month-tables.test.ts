import { expect } from "chai";
import { compileMigrations } from "../compile.ts";
import { parseMigration } from "../sql-files.ts";
import { monthTables } from "./month-tables.ts";

const table = "CREATE TABLE events (id bigint, at timestamptz NOT NULL, PRIMARY KEY (id, at)) PARTITION BY RANGE (at)";
const rest = "CREATE TABLE events_default PARTITION OF events DEFAULT";
const people = "CREATE TABLE people (id bigint PRIMARY KEY)";
const down = "DROP TABLE events_default; DROP TABLE events; DROP TABLE people";

/** The files as they are sent, one after the other. */
async function compile(...ups: string[]) {
  const files = ups.map((up, n) =>
    parseMigration(`000${n + 1}_part.sql`, `-- why: a test\n-- up\n${up};\n-- down\n${n === 0 ? down : "SELECT 1"};\n`),
  );
  return compileMigrations(files, monthTables);
}

const first = `${people}; ${table}; ${rest}`;

describe("a table that its file partitions by a time", () => {
  it("is made as one, and its way back works for one as for many", async () => {
    const [file] = await compile(first, "ALTER TABLE events ADD COLUMN of bigint REFERENCES people");
    expect(file?.statements).to.deep.equal([people, table.replace(" PARTITION BY RANGE (at)", "")]);
    expect(file?.batch).to.deep.equal(file?.statements);
    expect(file?.downStatements).to.deep.equal([
      'DROP TABLE IF EXISTS "events_default"',
      "DROP TABLE events",
      "DROP TABLE people",
    ]);
    expect(file?.downLocks.map(({ table: name }) => name)).to.deep.equal(["events", "people"]);
  });

  it("keeps what stands behind the clause, and letters of more than a byte before it", async () => {
    const named = table.replace("id bigint", "ação text DEFAULT 'partition by (ü)'");
    const [file] = await compile(`${people}; ${named} TABLESPACE fast; ${rest}`);
    expect(file?.statements[1]).to.equal(`${named.replace(" PARTITION BY RANGE (at)", "")} TABLESPACE fast`);
  });

  it("is locked by its own name alone where a later file changes it", async () => {
    const [, later] = await compile(first, "ALTER TABLE events ADD COLUMN note text");
    expect(later?.locks).to.deep.equal([{ table: "events", mode: "ACCESS EXCLUSIVE" }]);
  });

  const needsThem: Readonly<Record<string, string>> = {
    "a partition of its own":
      "CREATE TABLE events_2020 PARTITION OF events FOR VALUES FROM ('2020-01-01') TO ('2021-01-01')",
    "one that is attached":
      "CREATE TABLE old (LIKE events); ALTER TABLE events ATTACH PARTITION old FOR VALUES FROM (MINVALUE) TO ('2020-01-01')",
    "one that is taken away": "ALTER TABLE events DETACH PARTITION events_default",
    "an index of one part": "CREATE INDEX ON events_default (at)",
    "a trigger": "CREATE TRIGGER t BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION touch()",
    "a policy": "CREATE POLICY p ON events USING (true)",
    "row level security": "ALTER TABLE events ENABLE ROW LEVEL SECURITY",
    "a view": "CREATE VIEW v AS SELECT id FROM events",
    "another table's key": "CREATE TABLE notes (id bigint, at timestamptz, FOREIGN KEY (id, at) REFERENCES events)",
    "another table's later key":
      "ALTER TABLE people ADD COLUMN at timestamptz, ADD FOREIGN KEY (id, at) REFERENCES events",
    "a key to itself": "ALTER TABLE events ADD FOREIGN KEY (id, at) REFERENCES events",
    "another name": "ALTER TABLE events RENAME TO happenings",
    "another name of the time": "ALTER TABLE events RENAME COLUMN at TO happened_at",
    "a block that cannot be read": "DO $$ BEGIN EXECUTE 'ALTER TABLE events ...'; END $$",
    "a way up that drops the rest": "DROP TABLE events_default",
  };
  for (const [what, later] of Object.entries(needsThem))
    it(`is partitioned at once where a file has ${what}`, async () => {
      const [file] = await compile(first, later);
      expect(file?.statements).to.deep.equal([people, table, rest]);
    });

  it("is partitioned at once without its default partition, or by other keys", async () => {
    // Other keys than one column's range; its default partition has the table's name in its own.
    for (const clause of ["RANGE (at, id)", "LIST (at)", "RANGE (lower(at::text))"]) {
      const other = table.replace("RANGE (at)", clause);
      expect((await compile(`${people}; ${other}; ${rest}`))[0]?.statements).to.include(other);
    }
    expect((await compile(`${people}; ${table}`))[0]?.statements).to.include(table);
    expect(
      (await compile(`${people}; ${table}; ${rest.replace("events_default", "others")}`))[0]?.statements,
    ).to.include(table);
  });

  it("is partitioned at once where the default partition's name would be cut off", async () => {
    const named = (length: number) => first.replaceAll("events", "e".repeat(length));
    expect((await compile(named(55)))[0]?.statements).to.have.length(2);
    expect((await compile(named(56)))[0]?.statements).to.have.length(3);
  });

  it("may be read, written and indexed by any file", async () => {
    const [file] = await compile(
      first,
      "CREATE INDEX ON events (at); UPDATE events SET at = at; COMMENT ON TABLE events IS 'x'; ALTER TABLE events RENAME COLUMN id TO number",
    );
    expect(file?.statements).to.not.include(table);
  });
});
