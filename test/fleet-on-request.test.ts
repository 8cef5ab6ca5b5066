/** A run that migrates tenants when somebody asks for them, and the others little by little. */
import { expect } from "chai";
import { coordinate } from "../control-plane/fleet/coordinate.ts";
import { pauseRun, resumeRun } from "../control-plane/fleet/change-run.ts";
import { startRun } from "../control-plane/fleet/plan-run.ts";
import { findRun } from "../control-plane/fleet/run-store.ts";
import { openFleet, type TestFleet } from "./support/fleet.ts";
import { until } from "./support/wait.ts";

describe("a run on request", () => {
  let fleet: TestFleet;
  before(async () => {
    fleet = await openFleet(8);
    await fleet.query("UPDATE tenant_versions SET is_canary = true WHERE tenant_id = $1", [fleet.ids[7]]);
  });
  after(() => fleet.close());

  const migrated = async () => {
    const rows = await fleet.query<{ id: string }>(
      "SELECT tenant_id AS id FROM migration_results WHERE status = 'done' ORDER BY finished_at",
    );
    return rows.map(({ id }) => Number(id));
  };
  const untilMigrated = (count: number) => until(migrated, (ids) => ids.length >= count, { what: `${count} tenants` });
  const touch = (...ids: (number | undefined)[]) => fleet.query("SELECT touch_tenants($1)", [ids]);
  /** As requests would: again until it was heard. */
  const touchUntilMigrated = (count: number, ...ids: (number | undefined)[]) =>
    until(
      async () => {
        await touch(...ids);
        return migrated();
      },
      (done) => done.length >= count,
      { what: `${count} tenants` },
    );

  it("does the canaries first, then those that are asked for, in that order", async () => {
    // Paused and resumed, none is forgotten.
    fleet.write(
      "0002_tags.sql",
      "ALTER TABLE customers ADD COLUMN tags text[]",
      "ALTER TABLE customers DROP COLUMN tags",
    );
    const [a, b, c, d] = fleet.ids;
    const id = await startRun(fleet.ctx, { mode: "on-request", waves: [50, 100] }, "test");
    const first = coordinate(fleet.ctx, id);
    expect(await untilMigrated(1)).to.deep.equal([fleet.ids[7]]);
    await touchUntilMigrated(2, c);
    expect(await touchUntilMigrated(3, a)).to.deep.equal([fleet.ids[7], c, a]);
    await pauseRun(fleet.ctx, id, "test");
    expect((await first).status).to.equal("paused");
    await touch(b);
    await resumeRun(fleet.ctx, id, "test");
    const second = coordinate(fleet.ctx, id);
    expect((await touchUntilMigrated(5, d, b)).slice(3)).to.have.members([b, d]);
    expect((await findRun(fleet.ctx.db, id))?.status).to.equal("running");
    await touchUntilMigrated(8, ...fleet.ids);
    expect((await second).status).to.equal("succeeded");
  });

  it("brings those not asked for little by little, where that is wanted", async () => {
    fleet.write(
      "0003_more.sql",
      "ALTER TABLE customers ADD COLUMN more text",
      "ALTER TABLE customers DROP COLUMN more",
    );
    const id = await startRun(fleet.ctx, { mode: "on-request", trickleSeconds: 0.02 }, "test");
    expect((await coordinate(fleet.ctx, id)).status).to.equal("succeeded");
    expect(await fleet.query("SELECT DISTINCT status FROM migration_results WHERE run_id = $1", [id])).to.deep.equal([
      { status: "done" },
    ]);
  });
});
