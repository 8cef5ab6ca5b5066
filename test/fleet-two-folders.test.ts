/** An importer's own files beside the product's: neither hides what a schema, or a process, lacks of the other. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { abortRun, retryFailed } from "../control-plane/fleet/change-run.ts";
import { coordinate } from "../control-plane/fleet/coordinate.ts";
import { readFleetStatus } from "../control-plane/fleet/fleet-status.ts";
import { planRun, startRun } from "../control-plane/fleet/plan-run.ts";
import { verifyFleet } from "../control-plane/fleet/verify/verify-fleet.ts";
import { useMigrationFolders } from "../core/migrations/folders.ts";
import { tenantVersion } from "../core/migrations/version.ts";
import { startHeartbeat, type Heartbeat } from "../core/process-registry.ts";
import { openFleet, type TestFleet } from "./support/fleet.ts";

const [start, expand, contract] = ["0001_start.sql", "0002_full_name.sql", "0003_no_name.sql"];
const [points, levels, noPoints] = ["5001_points.sql", "5002_levels.sql", "5003_no_points.sql"];

const codeOf = (work: Promise<unknown>): Promise<string | undefined> =>
  work.then(
    () => undefined,
    (error: { code?: string; message: string }) => error.code ?? error.message,
  );

describe("a fleet with an importer's own folder", () => {
  let fleet: TestFleet;
  before(async () => {
    fleet = await openFleet(6);
    fleet.write(points, "CREATE TABLE points (id integer)", "DROP TABLE points");
    await migrate({});
    writeExpand();
  });
  after(async () => {
    await Promise.all(beating.map((heart) => heart.close()));
    await fleet.close();
  });

  const writeExpand = () =>
    fleet.write(
      expand,
      "ALTER TABLE customers ADD COLUMN full_name text",
      "ALTER TABLE customers DROP COLUMN full_name",
      "-- expand\n",
    );
  const writeContract = () =>
    fleet.write(
      contract,
      "ALTER TABLE customers DROP COLUMN name",
      "ALTER TABLE customers ADD COLUMN name text",
      `-- contract: ${expand}\n`,
    );
  const writeLevels = () => fleet.write(levels, "CREATE TABLE levels (id integer)", "DROP TABLE levels", "-- expand\n");
  const forget = (...names: string[]) => {
    for (const name of names) rmSync(join(fleet.folderOf(name), name), { force: true });
    useMigrationFolders("tenant", fleet.folders);
  };
  const migrate = async (request: Parameters<typeof startRun>[1]) =>
    (await coordinate(fleet.ctx, await startRun(fleet.ctx, request, "test"))).status;
  const files = async () =>
    (
      await fleet.query<{ file: string; count: number }>(
        "SELECT split_part(version, ' ', 1) AS file, count(*)::int FROM tenant_versions GROUP BY version ORDER BY version",
      )
    ).map(({ file, count }) => `${count} ${file}`);
  const status = async () => readFleetStatus(fleet.ctx.db, await tenantVersion());
  const beating: Heartbeat[] = [];
  const beat = async () => {
    const heart = await startHeartbeat(fleet.ctx.db, { kind: "runtime", seconds: 5, log: fleet.ctx.log });
    beating.push(heart);
    return heart;
  };

  it("names the last file of each folder", async () => {
    expect(await files()).to.deep.equal([`6 ${start}+${points}`]);
    expect(await tenantVersion()).to.match(/^0002_full_name\.sql\+5001_points\.sql [0-9a-f]{16}$/);
  });

  it("plans only what a schema lacks, and holds it against what it has until then", async () => {
    expect((await planRun(fleet.ctx, {})).files).to.deep.equal([expand]);
    const { counts } = await verifyFleet(fleet.ctx);
    expect(counts).to.deep.equal({ ok: 0, behind: 6, drifted: 0, missing: 0, unknown: 0 });
  });

  it("refuses an expand with its contract in one run, and goes to the file it names", async () => {
    writeContract();
    expect(await codeOf(planRun(fleet.ctx, {}))).to.equal("contract-too-early");
    expect((await planRun(fleet.ctx, { to: expand })).tenants).to.equal(6);
    const id = await startRun(fleet.ctx, { to: expand, tenants: fleet.ids.slice(1) }, "test");
    await abortRun(fleet.ctx, id, "test");
    await retryFailed(fleet.ctx, id, "test");
    expect((await coordinate(fleet.ctx, id)).status).to.equal("succeeded");
    expect(await files()).to.deep.equal([`1 ${start}+${points}`, `5 ${expand}+${points}`]);
    const refused = await planRun(fleet.ctx, {}).catch((error: Error) => error.message);
    expect(refused).to.include(
      `1 tenant has not reached ${expand}: tenant_${fleet.ids[0]} (frota-1, at ${start}+${points})`,
    );
    expect(await migrate({ to: expand })).to.equal("succeeded");
  });

  it("waits for a process without the expand, though it has the importer's newest file", async () => {
    forget(expand, contract);
    const old = await beat();
    writeExpand();
    writeContract();
    expect(await codeOf(planRun(fleet.ctx, {}))).to.equal("contract-too-early");
    await old.close();
    expect((await planRun(fleet.ctx, {})).files).to.deep.equal([contract]);
  });

  it("starts no process without the expand after the contract, and any after its undo", async () => {
    const asBefore = async (): Promise<Heartbeat> => {
      forget(expand, contract);
      const starting = beat();
      writeExpand();
      writeContract();
      return starting;
    };
    await (await asBefore()).close();
    expect(await migrate({})).to.equal("succeeded");
    expect(await codeOf(asBefore())).to.include(`Start a release that knows ${expand}`);
    expect(await migrate({ direction: "down", to: expand })).to.equal("succeeded");
    await (await asBefore()).close();
  });

  it("undoes the product's files and leaves the importer's tables alone", async () => {
    expect(await files()).to.deep.equal([`6 ${expand}+${points}`]);
    const [row] = await fleet.query(`SELECT to_regclass('tenant_${fleet.ids[0]}.points') IS NOT NULL AS there`);
    expect(row).to.deep.equal({ there: true });
  });

  it("leaves alone what a newer release made, whichever folder's file is new", async () => {
    forget(contract);
    expect((await status()).behind).to.equal(0);
    forget(expand);
    expect(await status()).to.deep.include({ behind: 0, newer: 6 });
    expect(await planRun(fleet.ctx, {})).to.deep.include({ tenants: 0, newer: 6 });
    writeExpand();
    writeLevels();
    expect(await status()).to.deep.include({ behind: 6, newer: 0 });
  });

  it("holds an importer's contract to its expand, and names both where both followed", async () => {
    writeContract();
    expect(await migrate({})).to.equal("succeeded");
    forget(levels);
    const old = await beat();
    writeLevels();
    const young = await beat();
    fleet.write(noPoints, "DROP TABLE points", "CREATE TABLE points (id integer)", `-- contract: ${levels}\n`);
    const refused = await planRun(fleet.ctx, {}).catch((error: Error) => error.message);
    expect(refused).to.include("1 process does not know it").and.include(`knows ${contract}+${points})`);
    await old.close();
    expect(await migrate({})).to.equal("succeeded");
    await young.close();
    forget(levels, noPoints);
    expect(await codeOf(beat())).to.include(`Start a release that knows ${expand}+${levels}, or undo`);
    writeLevels();
    await (await beat()).close();
  });
});
