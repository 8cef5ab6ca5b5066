/** What a coordinator writes of a run and its waves. Each statement is safe to repeat. */
import type { Knex } from "../../core/db.ts";
import { isBehind, isNewerVersion, tenantVersion } from "../../core/migrations/version.ts";
import { listVersions } from "./fleet-versions.ts";
import type { RunRow, WaveRow } from "./run-store.ts";

export async function setWave(db: Knex, runId: string, number: number, status: WaveRow["status"]): Promise<void> {
  const now = db.fn.now();
  const times = status === "done" ? { finished_at: now } : { started_at: db.raw("coalesce(started_at, now())") };
  await db("migration_waves")
    .where({ run_id: runId, number })
    .update({ status, ...times });
  await db("migration_runs").where({ id: runId }).update({ wave: number });
}

/** From now on it is only watched; a repeated call does not start the time anew. */
export async function startBake(db: Knex, runId: string, number: number, seconds: number): Promise<void> {
  await db.raw(
    `UPDATE migration_waves SET status = 'baking', bake_until = now() + make_interval(secs => ?)
     WHERE run_id = ? AND number = ? AND status = 'running'`,
    [seconds, runId, number],
  );
}

export async function pauseFor(db: Knex, runId: string, reason: string): Promise<void> {
  await db("migration_runs").where({ id: runId, status: "running" }).update({ status: "paused", pause_reason: reason });
}

/** Tenants that an older release made since the run was planned; answers how many. Newer ones are left alone. */
export async function enlistNewcomers(db: Knex, run: RunRow, wave: number): Promise<number> {
  const { target } = run;
  if (run.direction === "down" || target === null || run.options.tenants !== undefined) return 0;
  const head = await tenantVersion();
  const versions = (await listVersions(db)).filter(
    (version) => isBehind(version, target) && !isNewerVersion(version, head),
  );
  if (versions.length === 0) return 0;
  const { rowCount } = await db.raw<{ rowCount: number }>(
    `INSERT INTO migration_results (run_id, tenant_id, wave, from_version)
     SELECT :runId, tenant_id, :wave, version FROM tenant_versions
     WHERE version = ANY (CAST(:versions AS text[]))
     ON CONFLICT DO NOTHING`,
    { runId: run.id, wave, versions },
  );
  return rowCount;
}

/** `failed` when a tenant did. */
export async function endRun(db: Knex, run: RunRow): Promise<void> {
  await db.raw(
    `UPDATE migration_runs SET finished_at = now(), status = CASE WHEN EXISTS (
       SELECT FROM migration_results WHERE run_id = :id AND status = 'failed') THEN 'failed' ELSE 'succeeded' END
     WHERE id = :id AND status = 'running' AND NOT EXISTS (
       SELECT FROM migration_results WHERE run_id = :id AND status = 'waiting')`,
    { id: run.id },
  );
}
