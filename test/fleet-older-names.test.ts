/** Versions as older releases wrote them, `5001_points.sql <hash>`: read for what they are, and named anew. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { randomUUID } from "node:crypto";
import { expect } from "chai";
import { abortRun } from "../control-plane/fleet/change-run.ts";
import { coordinate } from "../control-plane/fleet/coordinate.ts";
import { planRun, startRun } from "../control-plane/fleet/plan-run.ts";
import { enlistNewcomers } from "../control-plane/fleet/run-progress.ts";
import { findOpenRun } from "../control-plane/fleet/run-store.ts";
import { findFreeRun } from "../control-plane/fleet/sweep-runs.ts";
import { verifyFleet } from "../control-plane/fleet/verify/verify-fleet.ts";
import { useMigrationFolders } from "../core/migrations/folders.ts";
import { readMigrations } from "../core/migrations/sql-files.ts";
import { isBehind } from "../core/migrations/version.ts";
import { openFleet, type TestFleet } from "./support/fleet.ts";

const [start, expand, points] = ["0001_start.sql", "0002_full_name.sql", "5001_points.sql"];
const conversion = readMigrations("public").find(({ name }) => name === "0014_two_folders.sql");

describe("versions of an older release", () => {
  let fleet: TestFleet;
  before(async () => {
    fleet = await openFleet(5);
    fleet.write(points, "CREATE TABLE points (id integer)", "DROP TABLE points");
    await migrate();
    writeExpand();
    await migrate({ tenants: fleet.ids.slice(3) });
  });
  after(() => fleet.close());

  const writeExpand = () => {
    const column = "customers ADD COLUMN full_name text";
    fleet.write(expand, `ALTER TABLE ${column}`, "ALTER TABLE customers DROP COLUMN full_name", "-- expand\n");
  };
  const forgetExpand = () => {
    rmSync(join(fleet.folderOf(expand), expand));
    useMigrationFolders("tenant", fleet.folders);
  };
  const migrate = async (request: Parameters<typeof startRun>[1] = {}) =>
    (await coordinate(fleet.ctx, await startRun(fleet.ctx, request, "test"))).status;
  const versions = async (table = "tenant_versions") =>
    (await fleet.query<{ version: string }>(`SELECT version FROM ${table} ORDER BY 1`)).map(({ version }) => version);
  const counts = async () => (await verifyFleet(fleet.ctx)).counts;

  it("become names of two files in the registry, where what ran tells which", async () => {
    await fleet.query(
      `INSERT INTO spare_tenants (id, uuid, version) SELECT tenant_id, uuid, version FROM tenant_versions WHERE tenant_id = $1`,
      [fleet.ids[4]],
    );
    const [all, spares] = [await versions(), await versions("spare_tenants")];
    expect(all.map((version) => version.split(" ")[0])).to.deep.equal([
      ...Array(3).fill(`${start}+${points}`),
      ...Array(2).fill(`${expand}+${points}`),
    ]);
    await fleet.query(conversion?.down ?? "");
    expect(new Set([...(await versions()), ...(await versions("spare_tenants"))])).to.deep.equal(
      new Set(all.map((version) => version.replace(/^.*\+/, ""))),
    );
    await fleet.query(conversion?.up ?? "");
    expect(await versions()).to.deep.equal(all);
    expect(await versions("spare_tenants")).to.deep.equal(spares);
  });

  it("stay where nothing tells, are verified as they are, and named by the next run", async () => {
    await fleet.query("UPDATE tenant_versions SET version = regexp_replace(version, '^.*\\+', '')");
    expect(await counts()).to.deep.equal({ ok: 0, behind: 5, drifted: 0, missing: 0, unknown: 0 });
    expect(await planRun(fleet.ctx, {})).to.deep.include({ tenants: 5, files: [expand] });
    expect(await migrate()).to.equal("succeeded");
    expect(new Set((await versions()).map((version) => version.split(" ")[0]))).to.deep.equal(
      new Set([`${expand}+${points}`]),
    );
    expect(await counts()).to.deep.equal({ ok: 5, behind: 0, drifted: 0, missing: 0, unknown: 0 });
  });

  it("of a process hide the product's files: it is waited for, and cannot start again", async () => {
    const id = randomUUID();
    const beat = async () => {
      const sql = "SELECT floor FROM beat_process($1, 'runtime', '0.1.0', '5001_points.sql 0', 10, 0, 0)";
      return (await fleet.query<{ floor: string | null }>(sql, [id]))[0]?.floor;
    };
    fleet.write("0003_no_name.sql", "SELECT 1", "SELECT 1", `-- contract: ${expand}\n`);
    expect(await beat()).to.equal(null);
    const refusal = await planRun(fleet.ctx, {}).catch((error: Error) => error.message);
    expect(refusal).to.include("(").and.include(`knows ${points})`);
    await fleet.query("SELECT end_process($1)", [id]);
    expect(await migrate()).to.equal("succeeded");
    // How an older release looks whether it may serve.
    const floor = (await beat()) ?? "";
    expect(["5001_points.sql" < floor, floor]).to.deep.equal([true, `~ ${expand}`]);
    await fleet.query("SELECT end_process($1)", [id]);
    expect(await migrate({ direction: "down", to: expand })).to.equal("succeeded");
    rmSync(join(fleet.folder, "0003_no_name.sql"));
    useMigrationFolders("tenant", fleet.folders);
  });

  it("of an open run are found out by their hash", async () => {
    await migrate({ direction: "down", to: start });
    const id = await startRun({ ...fleet.ctx, instance: "gone" }, {}, "test");
    await fleet.query("UPDATE migration_runs SET lease_expires_at = now(), target = $1 WHERE id = $2", [
      (
        await fleet.query<{ target: string }>("SELECT target FROM migration_runs WHERE id = $1", [id])
      )[0]?.target.replace(/^.*\+/, ""),
      id,
    ]);
    expect(await findFreeRun(fleet.ctx)).to.equal(id);
    expect((await coordinate(fleet.ctx, id)).status).to.equal("succeeded");
    expect(await counts()).to.deep.include({ ok: 5 });
  });

  it("let a run take in a tenant that an older release made meanwhile", async () => {
    // Whatever the importer's file is.
    await migrate({ direction: "down", to: start });
    const id = await startRun(fleet.ctx, {}, "test");
    await fleet.query("DELETE FROM migration_results WHERE tenant_id = $1", [fleet.ids[0]]);
    const run = (await findOpenRun(fleet.ctx.db))!;
    expect([await enlistNewcomers(fleet.ctx.db, run, 1), await enlistNewcomers(fleet.ctx.db, run, 1)]).to.deep.equal([
      1, 0,
    ]);
    expect((await coordinate(fleet.ctx, id)).status).to.equal("succeeded");
    expect(await counts()).to.deep.include({ ok: 5 });
  });

  it("leaves the way back of a newer release's file to a process that has it", async () => {
    const id = await startRun({ ...fleet.ctx, instance: "gone" }, { direction: "down" }, "test");
    await fleet.query("UPDATE migration_runs SET lease_expires_at = now() WHERE id = $1", [id]);
    forgetExpand();
    expect(await findFreeRun(fleet.ctx)).to.equal(undefined);
    writeExpand();
    expect(await findFreeRun(fleet.ctx)).to.equal(id);
    await abortRun(fleet.ctx, id, "test");
  });

  it("are compared by the registry as by the programs", async () => {
    const some = [
      "0000 unknown",
      start,
      `${expand} 00`,
      `${start}+${points} 00`,
      `${expand}+5002_a5.ts 00`,
      `${points} 0`,
    ];
    const names = [...some, `0000+${points} 0`, "0000+0000 0", "4999_5000.sql", "0002_a5001_b.sql 0", "1"];
    const { rows } = await fleet.ctx.db.raw<{ rows: { a: string; b: string; behind: boolean }[] }>(
      `SELECT a, b, is_behind(a, b) AS behind FROM unnest(CAST(:names AS text[])) a, unnest(CAST(:names AS text[])) b`,
      { names },
    );
    expect(rows).to.have.length(names.length ** 2);
    for (const { a, b, behind } of rows) expect(isBehind(a, b), `${a} behind ${b}`).to.equal(behind);
  });
});
