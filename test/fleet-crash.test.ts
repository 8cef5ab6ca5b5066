/** Hundreds of tenants, seven of them with bad data, two killed coordinators and a killed PostgreSQL, on a server of its own. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { retryFailed } from "../control-plane/fleet/change-run.ts";
import { coordinate } from "../control-plane/fleet/coordinate.ts";
import { startRun } from "../control-plane/fleet/plan-run.ts";
import { findRun, listResults } from "../control-plane/fleet/run-store.ts";
import { createSecrets } from "../core/secrets.ts";
import { setUpDatabase } from "../core/setup.ts";
import { startServers, type Servers } from "../scripts/embedded/stack.ts";
import { startCli, type RunningCli } from "./support/cli.ts";
import { openFleet, type TestFleet } from "./support/fleet.ts";
import { endWithProcess } from "./support/orphans.ts";
import { masterKey } from "./support/servers.ts";
import { sized } from "./support/size.ts";
import { until } from "./support/wait.ts";

const tenants = sized(400, 1_000);
const bad = 7;

describe("a fleet run with crashes", function crashes() {
  this.timeout(300_000);
  let folder: string;
  let servers: Servers;
  let fleet: TestFleet;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "secretaria-fleet-crash-"));
    servers = endWithProcess(await startServers({ dataDir: folder, config: {} }));
    await setUpDatabase(servers.databaseUrl, createSecrets(Buffer.from(masterKey, "base64")));
    fleet = await openFleet(tenants, servers.databaseUrl);
  });
  after(async () => {
    await fleet?.close();
    await servers?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const startCoordinator = (runId: string): RunningCli =>
    startCli("test/support/fleet-coordinator", [fleet.url, fleet.folder, runId]);
  const reach = (coordinator: RunningCli, runId: string, share: number) =>
    until(
      async () => {
        coordinator.checkRunning();
        return (await listResults(fleet.ctx.db, runId, { status: "done", limit: tenants })).length;
      },
      (done) => done >= tenants * share,
      { what: `${share * 100} % of the fleet`, seconds: 120 },
    );

  it("ends with all but the bad tenants done, once each, and lists those with reasons", async () => {
    const badOnes = fleet.ids.filter((_, i) => i % Math.floor(tenants / bad) === 0).slice(0, bad);
    for (const id of badOnes) await fleet.query(`INSERT INTO tenant_${id}.customers (name) VALUES ('sem e-mail')`);
    // Slow enough that a coordinator is seen in the middle of its run.
    fleet.write(
      "0002_email.sql",
      "ALTER TABLE customers ALTER COLUMN email SET NOT NULL;\nCREATE TABLE ran (id serial PRIMARY KEY);\nINSERT INTO ran DEFAULT VALUES;\nSELECT pg_sleep(0.02)",
      "DROP TABLE ran;\nALTER TABLE customers ALTER COLUMN email DROP NOT NULL",
    );
    const runId = await startRun(fleet.ctx, {}, "test");
    const first = startCoordinator(runId);
    await reach(first, runId, 0.15);
    await first.stop("SIGKILL");
    const second = startCoordinator(runId);
    await reach(second, runId, 0.4);
    await servers.postgres?.kill();
    await servers.postgres?.start();
    await reach(second, runId, 0.6);
    await second.stop("SIGKILL");
    const left = await listResults(fleet.ctx.db, runId, { status: "waiting", limit: tenants });
    expect(left.length, "the second one was killed in the middle").to.be.greaterThan(0);
    const third = await startCoordinator(runId).ended;
    expect(third.status, third.stdout + third.stderr).to.equal(0);

    expect((await findRun(fleet.ctx.db, runId))?.status).to.equal("failed");
    const failed = await listResults(fleet.ctx.db, runId, { status: "failed" });
    expect(failed.map((row) => row.tenant_id)).to.deep.equal(badOnes);
    for (const { error } of failed)
      expect(error).to.deep.include({
        code: "23502",
        migration: "0002_email.sql",
        statement: 1,
        message: 'column "email" of relation "customers" contains null values',
      });
    expect(await listResults(fleet.ctx.db, runId, { status: "done", limit: tenants })).to.have.length(tenants - bad);
    // Each schema says itself that it ran once.
    const counts = fleet.ids
      .filter((id) => !badOnes.includes(id))
      .map(
        (id) => `SELECT (SELECT count(*)::int FROM tenant_${id}.ran) AS ran,
                      (SELECT count(*)::int FROM tenant_${id}.knex_migrations WHERE name = '0002_email.sql') AS recorded`,
      );
    const seen = await fleet.query(`SELECT DISTINCT ran, recorded FROM (${counts.join(" UNION ALL ")}) AS each`);
    expect(seen).to.deep.equal([{ ran: 1, recorded: 1 }]);
  });

  it("is finished by one retry when the data is corrected", async () => {
    for (const id of fleet.ids) await fleet.query(`DELETE FROM tenant_${id}.customers`);
    const { rows } = await fleet.ctx.db.raw<{ rows: { id: string }[] }>("SELECT id FROM migration_runs");
    const runId = rows[0]?.id ?? "";
    const touched: number[] = [];
    await retryFailed(fleet.ctx, runId, "test");
    const run = await coordinate(fleet.ctx, runId, { onOutcome: (id) => void touched.push(id) });
    expect(run.status).to.equal("succeeded");
    expect(touched).to.have.length(bad);
    const [row] = await fleet.query(
      "SELECT count(DISTINCT version)::int AS versions, count(*)::int AS tenants FROM tenant_versions",
    );
    expect(row).to.deep.equal({ versions: 1, tenants });
  });
});
