/** What a release still uses is not taken away: contracts wait for tenants and processes, and processes for contracts. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomUUID } from "node:crypto";
import { expect } from "chai";
import { coordinate } from "../control-plane/fleet/coordinate.ts";
import { abortRun, retryFailed } from "../control-plane/fleet/change-run.ts";
import { planRun, startRun } from "../control-plane/fleet/plan-run.ts";
import { refuseEarlyContract } from "../control-plane/fleet/window/claim-window.ts";
import { useMigrationFolders } from "../core/migrations/folders.ts";
import { startHeartbeat, type Heartbeat } from "../core/process-registry.ts";
import { openRegistry } from "../core/registry.ts";
import { createSecrets } from "../core/secrets.ts";
import type { Knex } from "../core/db.ts";
import { openFleet, type TestFleet } from "./support/fleet.ts";
import { masterKey } from "./support/servers.ts";
import { until } from "./support/wait.ts";

const [expand, fill, contract] = ["0002_full_name.sql", "0003_fill.sql", "0004_drop_name.sql"];

const failureOf = (work: Promise<unknown>): Promise<Error & { code?: string }> =>
  work.then(
    () => expect.fail("it did not fail"),
    (error: Error) => error,
  );

describe("the compatibility window of a fleet", () => {
  let fleet: TestFleet;
  let registry: Knex;
  let oldRelease: string;
  before(async () => {
    fleet = await openFleet(12);
    oldRelease = mkdtempSync(join(tmpdir(), "secretaria-old-"));
    writeFileSync(join(oldRelease, "0001_start.sql"), "-- why: old\n-- up\nSELECT 1;\n-- down\nSELECT 1;\n");
    registry = openRegistry(fleet.url, createSecrets(Buffer.from(masterKey, "base64")), "window test");
    const column = "ALTER TABLE customers ADD COLUMN full_name text";
    fleet.write(expand, column, "ALTER TABLE customers DROP COLUMN full_name", "-- expand\n");
    fleet.write(fill, "UPDATE customers SET full_name = name WHERE true", "SELECT 1");
    const drop = "ALTER TABLE customers DROP COLUMN name";
    fleet.write(contract, drop, "ALTER TABLE customers ADD COLUMN name text", `-- contract: ${expand}\n`);
  });
  after(async () => {
    await registry.destroy();
    await fleet.close();
    await rm(oldRelease, { recursive: true, force: true });
  });

  const migrate = async (request: Parameters<typeof startRun>[1]) =>
    (await coordinate(fleet.ctx, await startRun(fleet.ctx, request, "test"))).status;
  /** A process of the release before the expand, or of this one. */
  const startProcess = async (release: "old" | "new"): Promise<Heartbeat> => {
    useMigrationFolders("tenant", [release === "old" ? oldRelease : fleet.folder]);
    const starting = startHeartbeat(registry, { kind: "runtime", seconds: 0.1, log: fleet.ctx.log });
    useMigrationFolders("tenant", [fleet.folder]);
    return starting;
  };
  const known = async () =>
    (await fleet.query<{ version: string }>("SELECT version FROM living_processes")).map(({ version }) => version);

  it("refuses an expand with its contract in one run, and says who lags, where to stop", async () => {
    const error = await failureOf(planRun(fleet.ctx, {}));
    expect(error.code).to.equal("contract-too-early");
    expect(error.message).to.include(`${contract} takes away what releases before ${expand} still use`);
    expect(error.message).to.include(`12 tenants have not reached ${expand}`).and.include("--to 0003_fill.sql");
    expect(error.message.match(/tenant_\d+ \(frota-\d+, at 0001_start.sql\)/g)).to.have.length(10);
    expect((await failureOf(startRun(fleet.ctx, {}, "test"))).code).to.equal("contract-too-early");
    expect(await fleet.query("SELECT FROM migration_runs")).to.have.length(0);
  });

  it("runs up to the file before the contract, and while one tenant lags, no further", async () => {
    const [straggler] = fleet.ids;
    expect(await migrate({ to: fill, tenants: fleet.ids.slice(1) })).to.equal("succeeded");
    const error = await failureOf(planRun(fleet.ctx, {}));
    expect(error.message).to.include(
      `1 tenant has not reached ${expand}: tenant_${straggler} (frota-1, at 0001_start.sql)`,
    );
    expect(await migrate({ to: fill })).to.equal("succeeded");
    expect((await planRun(fleet.ctx, {})).files).to.deep.equal([contract]);
  });

  it("does not run while an older process lives; a dead one is not waited for", async () => {
    const old = await startProcess("old");
    const error = await failureOf(startRun(fleet.ctx, {}, "test"));
    expect(error.code).to.equal("contract-too-early");
    expect(error.message).to.match(/1 process does not know it: runtime [\d.]+ \(\w{8}, knows 0001_start\.sql\)/);
    expect(error.message).not.to.include("--to");
    await old.close();
    const dead = randomUUID();
    await fleet.query(
      `INSERT INTO service_processes (id, kind, release, version, beat_seconds, seen_at)
       VALUES ($1, 'worker', '0.0.1', '0001_start.sql 0', 1, now() - interval '11 seconds')`,
      [dead],
    );
    expect((await planRun(fleet.ctx, {})).files).to.deep.equal([contract]);
  });

  it("lets no older process start between the look and the run", async () => {
    const young = await startProcess("new");
    let starting: Promise<Error> | undefined;
    await fleet.ctx.db.transaction(async (trx) => {
      await startRun({ ...fleet.ctx, db: trx }, {}, "test");
      starting = failureOf(startProcess("old"));
      const waiting = () =>
        fleet.query("SELECT FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ShareLock' AND NOT granted");
      await until(waiting, (rows) => rows.length > 0, { what: "a process that waits for the run to begin" });
    });
    expect((await starting)?.message).to.include(`Start a release that knows ${expand}`);
    expect((await known()).filter((version) => version.startsWith("0001"))).to.deep.equal([]);
    await young.close();
  });

  it("lets no older process start after it, however it ended, until it is undone", async () => {
    const [open] = await fleet.query<{ id: string }>("SELECT id FROM migration_runs WHERE status = 'running'");
    expect((await coordinate(fleet.ctx, open?.id ?? "")).status).to.equal("succeeded");
    expect((await failureOf(startProcess("old"))).message).to.include("was taken away");
    await (await startProcess("new")).close();
    expect(await migrate({ direction: "down", to: fill })).to.equal("succeeded");
    const old = await startProcess("old");
    expect((await known()).filter((version) => version.startsWith("0001"))).to.have.length(1);
    await old.close();
  });

  it("is checked again when an aborted run goes on: older processes may have started", async () => {
    const id = await startRun(fleet.ctx, {}, "test");
    await abortRun(fleet.ctx, id, "test");
    const old = await startProcess("old");
    expect((await failureOf(retryFailed(fleet.ctx, id, "test"))).code).to.equal("contract-too-early");
    await old.close();
    await retryFailed(fleet.ctx, id, "test");
    expect((await failureOf(startProcess("old"))).message).to.include("was taken away");
    await abortRun(fleet.ctx, id, "test");
  });

  it("holds for a tenant that is repaired by itself, too", async () => {
    const old = await startProcess("old");
    expect(await failureOf(refuseEarlyContract(fleet.ctx.db, [fill, contract]))).to.deep.include({
      code: "contract-too-early",
      retry: "needs-user",
    });
    await refuseEarlyContract(fleet.ctx.db, [fill]);
    await old.close();
    await refuseEarlyContract(fleet.ctx.db, [contract]);
  });

  it("is not closed by a tenant that has the contract already, as new ones do", async () => {
    expect(await migrate({ tenants: [fleet.ids[0] as number] })).to.equal("succeeded");
    expect(await migrate({})).to.equal("succeeded");
    const versions = "SELECT DISTINCT split_part(version, ' ', 1) AS file FROM tenant_versions";
    expect(await fleet.query(versions)).to.deep.equal([{ file: contract }]);
  });
});
