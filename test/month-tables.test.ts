/** A large table is parted by month while it is in use; to everybody who uses it, it stays the table that it was. */
import { expect } from "chai";
import pg from "pg";
import { coordinate } from "../control-plane/fleet/coordinate.ts";
import { startRun } from "../control-plane/fleet/plan-run.ts";
import { verifyFleet } from "../control-plane/fleet/verify/verify-fleet.ts";
import { makeMissingPartitions, partLargeTables } from "../control-plane/lifecycle/upkeep/partitions.ts";
import { openFleet, type TestFleet } from "./support/fleet.ts";
import { usePlatform } from "./support/platform.ts";
import { until } from "./support/wait.ts";

const month = (ahead: number) => {
  const today = new Date();
  return new Date(Date.UTC(today.getUTCFullYear(), today.getUTCMonth() + ahead, 1));
};
const partition = (table: string, ahead: number) => {
  const [year, number] = month(ahead).toISOString().split("-");
  return `${table}_y${year}m${number}`;
};

describe("a company's messages", () => {
  const platform = usePlatform();

  const provision = () => platform.createTenant();
  const partsOf = async (schema: string) => {
    const rows = await platform.query<{ name: string }>(
      "SELECT relname AS name FROM pg_class WHERE relispartition AND relkind = 'r' AND relnamespace = $1::regnamespace ORDER BY 1",
      [schema],
    );
    return rows.map(({ name }) => name);
  };
  const countsOf = (schema: string) =>
    platform.query<{ part: string; count: number }>(
      `SELECT tableoid::regclass::text AS part, count(*)::int FROM ${schema}.inbound_messages GROUP BY 1 ORDER BY 1`,
    );
  /** One of each month, from the last to the next. */
  const write = async (schema: string) => {
    await platform.query(
      `INSERT INTO ${schema}.conversations (channel, contact_key) VALUES ('web', 'ana') ON CONFLICT DO NOTHING`,
    );
    for (const ahead of [-1, 0, 1])
      await platform.query(
        `INSERT INTO ${schema}.inbound_messages (conversation_id, body, created_at) SELECT id, 'oi', $1 FROM ${schema}.conversations`,
        [month(ahead)],
      );
  };
  const verdicts = async (id: number) =>
    (await verifyFleet({ ...platform.ctx, databaseUrl: platform.databaseUrl }, { tenants: [id] })).tenants;

  it("are one table each, and stay so while they are few", async () => {
    const { schema } = await provision();
    await write(schema);
    expect(await partLargeTables(platform.ctx)).to.equal(0);
    expect(await makeMissingPartitions(platform.ctx)).to.equal(0);
    expect(await partsOf(schema)).to.deep.equal([]);
  });

  it("are partitioned when they are many: no row is lost, new ones go to their month", async () => {
    // Verify finds nothing.
    const { id, schema } = await provision();
    await write(schema);
    await platform.query(`DELETE FROM ${schema}.inbound_messages WHERE created_at >= $1`, [month(1)]);
    await platform.query(`COMMENT ON TABLE ${schema}.inbound_messages IS 'theirs'`);
    expect(await partLargeTables(platform.ctx, { bytes: 0 })).to.be.greaterThanOrEqual(1);
    expect(await partsOf(schema)).to.deep.equal(["inbound_messages_default"]);
    expect(await makeMissingPartitions(platform.ctx)).to.be.greaterThanOrEqual(1);
    expect(await partsOf(schema)).to.deep.equal(["inbound_messages_default", partition("inbound_messages", 1)]);
    await write(schema);
    expect(await countsOf(schema)).to.deep.equal([
      { part: `${schema}.inbound_messages_default`, count: 4 },
      { part: `${schema}.${partition("inbound_messages", 1)}`, count: 1 },
    ]);
    const [{ comment }] = (await platform.query<{ comment: string }>(
      "SELECT obj_description(to_regclass($1), 'pg_class') AS comment",
      [`${schema}.inbound_messages`],
    )) as [{ comment: string }];
    expect(comment).to.equal("theirs");
    expect(await verdicts(id)).to.deep.equal([]);
    // The tenant's own role has the rights that it had.
    await platform.query(
      `BEGIN; SET LOCAL ROLE ${schema}; UPDATE ${schema}.inbound_messages SET body = 'olá'; DELETE FROM ${schema}.conversations; COMMIT`,
    );
    expect(await countsOf(schema)).to.deep.equal([]);
    expect(await partLargeTables(platform.ctx, { bytes: 0 })).to.equal(0);
  });

  it("have every key, check and index as one table or as many", async () => {
    const [one, many] = [await provision(), await provision()];
    await platform.query("SELECT part_by_month($1, 'outbound_messages', 'created_at')", [many.schema]);
    await makeMissingPartitions(platform.ctx);
    const shapeOf = (schema: string) =>
      platform.query(
        `SELECT conname AS name, pg_get_constraintdef(oid, true) AS what FROM pg_constraint WHERE conrelid = to_regclass($1)
         UNION ALL SELECT indexrelid::regclass::text, replace(pg_get_indexdef(indexrelid), ' ON ONLY ', ' ON ') FROM pg_index WHERE indrelid = to_regclass($1)
         UNION ALL SELECT attname, concat_ws(' ', format_type(atttypid, atttypmod), attnotnull, pg_get_expr(adbin, adrelid)) FROM pg_attribute
           LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum WHERE attrelid = to_regclass($1) AND attnum > 0
         ORDER BY 1, 2`,
        [`${schema}.outbound_messages`],
      );
    const named = (rows: object[], schema: string) => JSON.parse(JSON.stringify(rows).replaceAll(schema, "schema"));
    expect(named(await shapeOf(many.schema), many.schema)).to.deep.equal(named(await shapeOf(one.schema), one.schema));
    expect(await partsOf(many.schema)).to.deep.equal([
      "outbound_messages_default",
      partition("outbound_messages", 0),
      partition("outbound_messages", 1),
    ]);
  });

  it("get the coming month where it is missing", async () => {
    const { schema } = await provision();
    await platform.query("SELECT part_by_month($1, 'inbound_messages', 'created_at')", [schema]);
    await makeMissingPartitions(platform.ctx);
    const made = await partsOf(schema);
    expect(await makeMissingPartitions(platform.ctx)).to.equal(0);
    await platform.query(`DROP TABLE ${schema}.${partition("inbound_messages", 1)}`);
    expect(await makeMissingPartitions(platform.ctx)).to.equal(1);
    expect(await partsOf(schema)).to.deep.equal(made);
  });

  it("are partitioned, and get their months, behind a running request", async () => {
    // The request never waits for that in a circle.
    const { schema } = await provision();
    await write(schema);
    await platform.query(`DELETE FROM ${schema}.inbound_messages WHERE created_at >= $1`, [month(1)]);
    const insert = `INSERT INTO ${schema}.inbound_messages (conversation_id, body) SELECT id, 'e então?' FROM ${schema}.conversations`;
    const isWaiting = () =>
      platform.query(
        "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query ~ '_month'",
      );
    const steps = ["part_by_month($1, 'inbound_messages', 'created_at')", "ensure_month_partitions($1, 2)"];
    for (const step of steps) {
      const request = new pg.Client({ connectionString: platform.databaseUrl });
      await request.connect();
      try {
        await request.query(`BEGIN; UPDATE ${schema}.conversations SET last_inbound_at = now()`);
        const changing = platform.query<{ did: boolean | number }>(`SELECT ${step} AS did`, [schema]);
        await until(isWaiting, (rows) => rows.length > 0, { what: `${step} waits` });
        await request.query(`${insert}; COMMIT`);
        expect(Number((await changing)[0]?.did), step).to.equal(1);
      } finally {
        await request.end();
      }
    }
    expect(await partsOf(schema)).to.deep.equal(["inbound_messages_default", partition("inbound_messages", 1)]);
  });

  it("stay one table where something hangs on it that would stay behind", async () => {
    const { schema } = await provision();
    await write(schema);
    await platform.query(`CREATE VIEW ${schema}.latest AS SELECT body FROM ${schema}.inbound_messages`);
    const refused = await platform
      .query("SELECT part_by_month($1, 'inbound_messages', 'created_at')", [schema])
      .catch((error: { code: string }) => error.code);
    expect(refused).to.equal("SE005");
    await partLargeTables(platform.ctx, { bytes: 0 });
    expect(await partsOf(schema)).to.deep.equal([]);
    expect(await platform.query(`SELECT FROM ${schema}.latest`)).to.have.length(3);
    await platform.query(`DROP VIEW ${schema}.latest`);
  });
});

describe("a fleet of which some tenants' tables are partitioned", () => {
  let fleet: TestFleet;
  before(async () => {
    fleet = await openFleet(4);
  });
  after(() => fleet.close());

  const run = async (options: object) => {
    const id = await startRun(fleet.ctx, { waves: [100], ...options }, "test");
    return (await coordinate(fleet.ctx, id)).status;
  };
  const statuses = async () => (await verifyFleet(fleet.ctx)).counts;
  const allOk = { ok: 4, behind: 0, drifted: 0, missing: 0, unknown: 0 };

  it("migrates up and down as one", async () => {
    fleet.write(
      "0002_events.sql",
      `CREATE TABLE events (id bigint NOT NULL, at timestamptz NOT NULL, customer_id integer REFERENCES customers, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
       CREATE TABLE events_default PARTITION OF events DEFAULT`,
      "DROP TABLE events_default;\nDROP TABLE events",
    );
    expect(await run({})).to.equal("succeeded");
    const [first, second] = fleet.ids;
    for (const id of [first, second]) await fleet.query(`SELECT part_by_month('tenant_${id}', 'events', 'at')`);
    expect(await statuses()).to.deep.equal(allOk);
    fleet.write(
      "0003_notes.sql",
      "ALTER TABLE events ADD COLUMN note text NOT NULL DEFAULT '';\nCREATE INDEX events_by_note ON events (note)",
      "DROP INDEX events_by_note;\nALTER TABLE events DROP COLUMN note",
    );
    expect(await run({})).to.equal("succeeded");
    expect(await statuses()).to.deep.equal(allOk);
    await fleet.query(`SELECT part_by_month('tenant_${fleet.ids[2]}', 'events', 'at')`);
    expect(await statuses()).to.deep.equal(allOk);
    expect(await run({ direction: "down", to: "0001_start.sql" })).to.equal("succeeded");
    const left = await fleet.query("SELECT FROM pg_class WHERE relname ~ '^events'");
    expect(left).to.deep.equal([]);
  });
});
