import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { coordinate } from "../control-plane/fleet/coordinate.ts";
import { abortRun, pauseRun, resumeRun, retryFailed } from "../control-plane/fleet/change-run.ts";
import { planRun, startRun } from "../control-plane/fleet/plan-run.ts";
import { findFreeRun } from "../control-plane/fleet/sweep-runs.ts";
import { listResults, viewRun } from "../control-plane/fleet/run-store.ts";
import { useMigrationFolders } from "../core/migrations/folders.ts";
import { tenantVersion } from "../core/migrations/version.ts";
import { openFleet, type TestFleet } from "./support/fleet.ts";
import { until } from "./support/wait.ts";

const versions = (fleet: TestFleet) =>
  fleet.query<{ file: string; count: number }>(
    "SELECT split_part(version, ' ', 1) AS file, count(*)::int FROM tenant_versions GROUP BY version ORDER BY version",
  );
const recorded = async (fleet: TestFleet, id: number) =>
  (
    await fleet.query<{ name: string; batch: number }>(
      `SELECT name, batch FROM tenant_${id}.knex_migrations ORDER BY id`,
    )
  ).map(({ name, batch }) => `${name} ${batch}`);

describe("a fleet run", () => {
  let fleet: TestFleet;
  before(async () => {
    fleet = await openFleet(40);
  });
  after(() => fleet.close());

  it("has nothing to do when all are at head, and says so", async () => {
    let queries = 0;
    const count = () => (queries += 1);
    fleet.ctx.db.on("query", count);
    const plan = await planRun(fleet.ctx, {});
    fleet.ctx.db.removeListener("query", count);
    expect(plan).to.deep.include({ tenants: 0, waves: [], files: [], newer: 0 });
    expect(queries).to.equal(1);
    const refused = await startRun(fleet.ctx, {}, "test").catch((error: unknown) => error);
    expect(refused).to.deep.include({ code: "nothing-to-do" });
  });

  it("brings every tenant to head, canaries first, then in growing waves", async () => {
    const canary = fleet.ids[7] as number;
    await fleet.query("UPDATE tenant_versions SET is_canary = true WHERE tenant_id = $1", [canary]);
    fleet.write(
      "0002_tags.sql",
      "ALTER TABLE customers ADD COLUMN tags text[];\nCREATE INDEX customers_name ON customers (name)",
      "DROP INDEX customers_name;\nALTER TABLE customers DROP COLUMN tags",
    );
    const plan = await planRun(fleet.ctx, { waves: [10, 50] });
    expect(plan.files).to.deep.equal(["0002_tags.sql"]);
    expect(plan.waves).to.deep.equal([
      { number: 1, name: "canary", tenants: 1 },
      { number: 2, name: "10 %", tenants: 4 },
      { number: 3, name: "50 %", tenants: 16 },
      { number: 4, name: "100 %", tenants: 19 },
    ]);
    const order: number[] = [];
    const id = await startRun(fleet.ctx, { waves: [10, 50] }, "test");
    const run = await coordinate(fleet.ctx, id, { onOutcome: (tenant) => void order.push(tenant) });
    expect(run.status).to.equal("succeeded");
    expect(order[0]).to.equal(canary);
    expect(new Set(order).size).to.equal(40);
    const view = await viewRun(fleet.ctx.db, id);
    expect(view?.waves.map(({ status, done, waiting }) => [status, done, waiting])).to.deep.equal([
      ["done", 1, 0],
      ["done", 4, 0],
      ["done", 16, 0],
      ["done", 19, 0],
    ]);
    expect(await versions(fleet)).to.deep.equal([{ file: "0002_tags.sql", count: 40 }]);
    expect(await recorded(fleet, canary)).to.deep.equal(["0001_start.sql 1", "0002_tags.sql 2"]);
    const [first] = await listResults(fleet.ctx.db, id);
    expect(first?.duration_ms).to.be.greaterThan(0);
    expect(first?.to_version).to.equal(await tenantVersion());
  });

  it("names file, statement and reason of each failure; a retry does only those", async () => {
    // The retry comes when the cause is corrected.
    const bad = [fleet.ids[3], fleet.ids[20]] as number[];
    for (const id of bad) await fleet.query(`INSERT INTO tenant_${id}.customers (name) VALUES ('sem e-mail')`);
    fleet.write(
      "0003_email.sql",
      "CREATE TABLE notes (id serial PRIMARY KEY);\nALTER TABLE customers ALTER COLUMN email SET NOT NULL",
      "ALTER TABLE customers ALTER COLUMN email DROP NOT NULL;\nDROP TABLE notes",
    );
    const id = await startRun(fleet.ctx, { waves: [100], maxErrorRate: 0.1 }, "test");
    expect((await coordinate(fleet.ctx, id)).status).to.equal("failed");
    const failed = await listResults(fleet.ctx.db, id, { status: "failed" });
    expect(failed.map((row) => row.tenant_id)).to.deep.equal(bad);
    expect(failed[0]?.error).to.deep.include({
      code: "23502",
      migration: "0003_email.sql",
      statement: 2,
      message: 'column "email" of relation "customers" contains null values',
    });
    // Nothing of a failed one remains.
    const [there] = await fleet.query(`SELECT to_regclass('tenant_${bad[0]}.notes') AS notes`);
    expect(there).to.deep.equal({ notes: null });

    for (const tenant of bad) await fleet.query(`DELETE FROM tenant_${tenant}.customers`);
    const touched: number[] = [];
    await retryFailed(fleet.ctx, id, "test");
    const run = await coordinate(fleet.ctx, id, { onOutcome: (tenant) => void touched.push(tenant) });
    expect(run.status).to.equal("succeeded");
    expect(touched.toSorted((a, b) => a - b)).to.deep.equal(bad);
    expect(await versions(fleet)).to.deep.equal([{ file: "0003_email.sql", count: 40 }]);
  });

  it("pauses when a canary fails; resumed, it goes on, and what failed stays listed", async () => {
    const canary = fleet.ids[7] as number;
    await fleet.query(`CREATE TABLE tenant_${canary}.coupons (id integer)`);
    fleet.write("0004_coupons.sql", "CREATE TABLE coupons (id serial PRIMARY KEY)", "DROP TABLE coupons");
    const id = await startRun(fleet.ctx, {}, "test");
    const paused = await coordinate(fleet.ctx, id);
    expect(paused).to.deep.include({ status: "paused", pause_reason: "1 of 1 canaries failed" });
    expect((await versions(fleet))[0]).to.deep.equal({ file: "0003_email.sql", count: 40 });
    const second = await startRun(fleet.ctx, {}, "test").catch((error: unknown) => error);
    expect(second).to.deep.include({ code: "run-open" });

    await resumeRun(fleet.ctx, id, "test");
    expect((await coordinate(fleet.ctx, id)).status).to.equal("failed");
    expect(await versions(fleet)).to.deep.equal([
      { file: "0003_email.sql", count: 1 },
      { file: "0004_coupons.sql", count: 39 },
    ]);
    await fleet.query(`DROP TABLE tenant_${canary}.coupons`);
    await retryFailed(fleet.ctx, id, "test");
    expect((await coordinate(fleet.ctx, id)).status).to.equal("succeeded");
  });

  it("pauses at the first failure if asked to, and when too many of a wave fail", async () => {
    for (const id of fleet.ids.slice(10, 20)) await fleet.query(`CREATE TABLE tenant_${id}.deals (id integer)`);
    fleet.write("0005_deals.sql", "CREATE TABLE deals (id serial PRIMARY KEY)", "DROP TABLE deals");
    const careful = await startRun(
      fleet.ctx,
      { waves: [100], onError: "pause", concurrency: 1, canary: false },
      "test",
    );
    const run = await coordinate(fleet.ctx, careful);
    expect(run.status).to.equal("paused");
    expect(await listResults(fleet.ctx.db, careful, { status: "failed" })).to.have.length(1);
    await abortRun(fleet.ctx, careful, "test");

    const id = await startRun(fleet.ctx, { waves: [100], canary: false }, "test");
    const rate = await coordinate(fleet.ctx, id);
    expect(rate.status).to.equal("paused");
    expect(rate.pause_reason).to.match(/^10 of \d+ tenants failed in wave 100 %, more than 5 %$/);
    for (const tenant of fleet.ids.slice(10, 20)) await fleet.query(`DROP TABLE tenant_${tenant}.deals`);
    await retryFailed(fleet.ctx, id, "test");
    expect((await coordinate(fleet.ctx, id)).status).to.equal("succeeded");
    expect(await versions(fleet)).to.deep.equal([{ file: "0005_deals.sql", count: 40 }]);
  });

  it("leaves a tenant with a long transaction for later, and holds up no other", async () => {
    // It is done when the transaction ends.
    const busy = fleet.ids[0] as number;
    fleet.write(
      "0006_notes.sql",
      "ALTER TABLE customers ADD COLUMN phone text",
      "ALTER TABLE customers DROP COLUMN phone",
    );
    const long = await fleet.ctx.db.transaction();
    await long.raw(`SELECT * FROM tenant_${busy}.customers`);
    const id = await startRun(fleet.ctx, { lockTimeoutMs: 100 }, "test");
    const running = coordinate(fleet.ctx, id);
    try {
      await until(
        () => viewRun(fleet.ctx.db, id),
        (view) =>
          view?.waves.at(-1)?.status === "running" && view.waves.every(({ waiting, busy: held }) => waiting === held),
        { what: "all but the busy one" },
      );
      expect(await versions(fleet)).to.deep.equal([
        { file: "0005_deals.sql", count: 1 },
        { file: "0006_notes.sql", count: 39 },
      ]);
    } finally {
      await long.rollback();
    }
    expect((await running).status).to.equal("succeeded");
    expect(await versions(fleet)).to.deep.equal([{ file: "0006_notes.sql", count: 40 }]);
  });

  it("is paused and resumed by people while it works", async () => {
    fleet.write(
      "0007_slow.sql",
      "SELECT pg_sleep(0.05);\nALTER TABLE orders ADD COLUMN note text",
      "ALTER TABLE orders DROP COLUMN note",
    );
    const id = await startRun(fleet.ctx, { concurrency: 1 }, "test");
    const first = coordinate(fleet.ctx, id);
    await until(
      () => listResults(fleet.ctx.db, id, { status: "done" }),
      (done) => done.length > 2,
      { what: "some done" },
    );
    await pauseRun(fleet.ctx, id, "ana");
    expect(await first).to.deep.include({ status: "paused", pause_reason: "paused by ana" });
    const left = await listResults(fleet.ctx.db, id, { status: "waiting" });
    expect(left.length).to.be.greaterThan(0);
    await resumeRun(fleet.ctx, id, "ana");
    expect((await coordinate(fleet.ctx, id)).status).to.equal("succeeded");
    const audit = await fleet.query<{ action: string }>(
      "SELECT action FROM audit_log WHERE correlation_id = $1 ORDER BY id",
      [id],
    );
    expect(audit.map(({ action }) => action)).to.deep.equal([
      "migration-run.started",
      "migration-run.paused",
      "migration-run.resumed",
    ]);
  });

  it("undoes each tenant's last batch, or goes back to a version, by `-- down`", async () => {
    const back = await startRun(fleet.ctx, { direction: "down" }, "test");
    expect((await coordinate(fleet.ctx, back)).status).to.equal("succeeded");
    expect(await versions(fleet)).to.deep.equal([{ file: "0006_notes.sql", count: 40 }]);
    const far = await startRun(fleet.ctx, { direction: "down", to: "0002" }, "test");
    expect((await coordinate(fleet.ctx, far)).status).to.equal("succeeded");
    expect(await versions(fleet)).to.deep.equal([{ file: "0002_tags.sql", count: 40 }]);
    expect(await recorded(fleet, fleet.ids[5] as number)).to.deep.equal(["0001_start.sql 1", "0002_tags.sql 2"]);
    const halfway = await startRun(fleet.ctx, { to: "0004" }, "test");
    expect((await coordinate(fleet.ctx, halfway)).status).to.equal("succeeded");
    expect(await versions(fleet)).to.deep.equal([{ file: "0004_coupons.sql", count: 40 }]);
    const up = await startRun(fleet.ctx, {}, "test");
    expect((await coordinate(fleet.ctx, up)).status).to.equal("succeeded");
    expect(await versions(fleet)).to.deep.equal([{ file: "0007_slow.sql", count: 40 }]);
  });

  it("runs scripts and statements outside transactions, and resumes after a failure", async () => {
    const bad = fleet.ids[4] as number;
    await fleet.query(`INSERT INTO tenant_${bad}.customers (name, email) VALUES ('a', 'x@x.test'), ('b', 'x@x.test')`);
    fleet.write(
      "0008_more.sql",
      "ALTER TABLE customers ADD COLUMN city text",
      "ALTER TABLE customers DROP COLUMN city",
    );
    fleet.write(
      "0009_unique.sql",
      "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS customers_email ON customers (email)",
      "DROP INDEX CONCURRENTLY IF EXISTS customers_email",
      "-- no-transaction\n",
    );
    writeFileSync(
      join(fleet.folder, "0010_city.ts"),
      `// why: a test
export const up = (db) => db("customers").update({ city: "Recife" });
export const down = (db) => db("customers").update({ city: null });
`,
    );
    useMigrationFolders("tenant", [fleet.folder]);
    const id = await startRun(fleet.ctx, { waves: [100], canary: false }, "test");
    expect((await coordinate(fleet.ctx, id)).status).to.equal("failed");
    const [failure] = await listResults(fleet.ctx.db, id, { status: "failed" });
    expect(failure?.tenant_id).to.equal(bad);
    expect(failure?.error).to.deep.include({ code: "23505", migration: "0009_unique.sql" });
    // What came before the failure is there, and known to be.
    expect((await recorded(fleet, bad)).at(-1)).to.match(/^0008_more\.sql /);

    await fleet.query(`DELETE FROM tenant_${bad}.customers WHERE name = 'b'`);
    await retryFailed(fleet.ctx, id, "test");
    expect((await coordinate(fleet.ctx, id)).status).to.equal("succeeded");
    expect(await versions(fleet)).to.deep.equal([{ file: "0010_city.ts", count: 40 }]);
    const [row] = await fleet.query(
      `SELECT name, city, (SELECT indisvalid FROM pg_index WHERE indexrelid = 'tenant_${bad}.customers_email'::regclass) AS valid
       FROM tenant_${bad}.customers`,
    );
    expect(row).to.deep.equal({ name: "a", city: "Recife", valid: true });
    const back = await startRun(fleet.ctx, { direction: "down", to: "0007" }, "test");
    expect((await coordinate(fleet.ctx, back)).status).to.equal("succeeded");
    const again = await startRun(fleet.ctx, {}, "test");
    expect((await coordinate(fleet.ctx, again)).status).to.equal("succeeded");
  });

  it("is left to a process that has its files, on the way there as on the way back", async () => {
    const newer = { name: "0011_newer.sql", up: "CREATE TABLE newer (id integer)", down: "DROP TABLE newer" };
    fleet.write(newer.name, newer.up, newer.down);
    const other = { ...fleet.ctx, instance: "gone" };
    const there = await startRun(other, {}, "test");
    await fleet.query("UPDATE migration_runs SET lease_expires_at = now() WHERE id = $1", [there]);
    expect(await findFreeRun(fleet.ctx)).to.equal(there);
    const older = () => {
      rmSync(join(fleet.folder, newer.name));
      useMigrationFolders("tenant", [fleet.folder]);
    };
    older();
    expect(await findFreeRun(fleet.ctx)).to.equal(undefined);
    fleet.write(newer.name, newer.up, newer.down);
    expect((await coordinate(fleet.ctx, there)).status).to.equal("succeeded");

    const back = await startRun(other, { direction: "down" }, "test");
    await fleet.query("UPDATE migration_runs SET lease_expires_at = now() WHERE id = $1", [back]);
    older();
    expect(await findFreeRun(fleet.ctx)).to.equal(undefined);
    fleet.write(newer.name, newer.up, newer.down);
    expect(await findFreeRun(fleet.ctx)).to.equal(back);
    expect((await coordinate(fleet.ctx, back)).status).to.equal("succeeded");
    older();
  });

  it("is refused where an applied file was edited", async () => {
    fleet.write(
      "0008_more.sql",
      "ALTER TABLE customers ADD COLUMN city varchar(80)",
      "ALTER TABLE customers DROP COLUMN city",
    );
    const refused = await startRun(fleet.ctx, {}, "test").catch((error: unknown) => error);
    expect(refused).to.deep.include({ code: "history-edited" });
    expect((refused as Error).message).to.include("0008_more.sql");
    fleet.write(
      "0008_more.sql",
      "ALTER TABLE customers ADD COLUMN city text",
      "ALTER TABLE customers DROP COLUMN city",
    );
  });

  it("finds out the history of a schema that was never read", async () => {
    const id = fleet.ids[9] as number;
    await fleet.query("UPDATE tenant_versions SET version = '0000 unknown' WHERE tenant_id = $1", [id]);
    const run = await startRun(fleet.ctx, {}, "test");
    expect((await coordinate(fleet.ctx, run)).status).to.equal("succeeded");
    expect(await versions(fleet)).to.deep.equal([{ file: "0010_city.ts", count: 40 }]);
  });
});
