import type { Knex } from "../../core/db.ts";
import type { RunRow } from "./run-store.ts";

/** So few failures are no rate. */
const fewest = 3;

/** Why a run should go no further after what this wave has shown; undefined when it may go on. */
export async function judgeWave(db: Knex, run: RunRow, wave: number): Promise<string | undefined> {
  const { onError, maxErrorRate } = run.options;
  const { rows } = await db.raw<{ rows: Counts[] }>(countSql, { runId: run.id, wave });
  const { tenants = 0, failed = 0, failedInAll = 0, name = "" } = rows[0] ?? {};
  if (failedInAll === 0) return undefined;
  if (onError === "pause") return `${failedInAll} tenants failed`;
  if (wave === 1) return `${failed} of ${tenants} canaries failed`;
  if (failed < fewest || failed / tenants <= maxErrorRate) return undefined;
  return `${failed} of ${tenants} tenants failed in wave ${name}, more than ${maxErrorRate * 100} %`;
}

interface Counts {
  readonly tenants: number;
  readonly failed: number;
  /** Also in the waves before, whose busy tenants are tried again in this one. */
  readonly failedInAll: number;
  readonly name: string;
}

const countSql = `
  WITH failure AS (
    SELECT f.wave FROM migration_results f JOIN migration_runs m ON m.id = f.run_id
    WHERE f.run_id = :runId AND f.status = 'failed' AND f.wave <= :wave AND f.finished_at > m.resumed_at
  )
  SELECT (SELECT count(*)::int FROM migration_results WHERE run_id = :runId AND wave = :wave) AS tenants,
         (SELECT count(*)::int FROM failure WHERE wave = :wave) AS failed,
         (SELECT count(*)::int FROM failure) AS "failedInAll",
         (SELECT name FROM migration_waves WHERE run_id = :runId AND number = :wave) AS name`;
