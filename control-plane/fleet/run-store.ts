/** Rows of runs: what was asked for, how far each wave and each tenant is. */
import type { Knex } from "../../core/db.ts";
import type { RunOptions } from "./run-options.ts";

export type RunStatus = "running" | "paused" | "aborted" | "failed" | "succeeded";

export interface RunRow {
  readonly id: string;
  readonly direction: "up" | "down";
  /** Version to arrive at; null when each tenant undoes its own last batch. */
  readonly target: string | null;
  readonly mode: "eager" | "on-request";
  readonly status: RunStatus;
  readonly options: RunOptions;
  readonly requested_by: string;
  /** Number of the wave that is at work. */
  readonly wave: number;
  readonly pause_reason: string | null;
  readonly coordinator: string | null;
  readonly created_at: Date;
  readonly finished_at: Date | null;
}

export interface WaveRow {
  readonly number: number;
  /** `canary`, or the share of the fleet that is done after it: `10 %`. */
  readonly name: string;
  readonly status: "waiting" | "running" | "baking" | "done";
  readonly started_at: Date | null;
  readonly bake_until: Date | null;
  readonly finished_at: Date | null;
}

/** How a tenant's migration went wrong. */
export interface ResultError {
  /** SQLSTATE where PostgreSQL said it, else a word: `busy`, `history-unknown`. */
  readonly code: string;
  readonly message: string;
  readonly migration?: string | undefined;
  /** Number of the statement in the file, from 1, and how it begins. */
  readonly statement?: number | undefined;
  readonly sql?: string | undefined;
  /** Character of the statement, from 1, where PostgreSQL knows it. */
  readonly position?: number | undefined;
  readonly detail?: string | undefined;
}

export interface ResultRow {
  readonly tenant_id: number;
  readonly wave: number;
  readonly status: "waiting" | "done" | "failed" | "skipped";
  readonly from_version: string;
  readonly to_version: string | null;
  readonly attempts: number;
  readonly next_attempt_at: Date;
  readonly duration_ms: number | null;
  readonly error: ResultError | null;
  readonly finished_at: Date | null;
}

export interface WaveView extends WaveRow {
  readonly tenants: number;
  readonly done: number;
  readonly failed: number;
  readonly skipped: number;
  readonly waiting: number;
  /** Of those waiting: were tried and found busy. */
  readonly busy: number;
}

export interface RunView extends RunRow {
  readonly waves: readonly WaveView[];
}

const columns = [
  "id",
  "direction",
  "target",
  "mode",
  "status",
  "options",
  "requested_by",
  "wave",
  "pause_reason",
  "coordinator",
  "created_at",
  "finished_at",
];

export const findRun = (db: Knex, id: string): Promise<RunRow | undefined> =>
  db("migration_runs").where({ id }).first(columns);

/** The one that is running or paused; there is never a second. */
export const findOpenRun = (db: Knex): Promise<RunRow | undefined> =>
  db("migration_runs").whereIn("status", ["running", "paused"]).first(columns);

export const listRuns = (db: Knex, limit = 50): Promise<RunRow[]> =>
  db("migration_runs").orderBy("created_at", "desc").limit(limit).select(columns);

/** A run with its waves and their counts. */
export async function viewRun(db: Knex, id: string): Promise<RunView | undefined> {
  const run = await findRun(db, id);
  if (run === undefined) return undefined;
  const { rows } = await db.raw<{ rows: WaveView[] }>(
    `SELECT w.number, w.name, w.status, w.started_at, w.bake_until, w.finished_at,
            count(r.tenant_id)::int AS tenants,
            count(*) FILTER (WHERE r.status = 'done')::int AS done,
            count(*) FILTER (WHERE r.status = 'failed')::int AS failed,
            count(*) FILTER (WHERE r.status = 'skipped')::int AS skipped,
            count(*) FILTER (WHERE r.status = 'waiting')::int AS waiting,
            count(*) FILTER (WHERE r.status = 'waiting' AND r.error IS NOT NULL)::int AS busy
     FROM migration_waves w LEFT JOIN migration_results r ON r.run_id = w.run_id AND r.wave = w.number
     WHERE w.run_id = ? GROUP BY w.run_id, w.number ORDER BY w.number`,
    [id],
  );
  return { ...run, waves: rows };
}

/** Tenants of a run in one state, by id. */
export const listResults = (
  db: Knex,
  runId: string,
  { status, limit = 1000, after = 0 }: { status?: ResultRow["status"]; limit?: number; after?: number } = {},
): Promise<ResultRow[]> =>
  db("migration_results")
    .where({ run_id: runId, ...(status === undefined ? {} : { status }) })
    .where("tenant_id", ">", after)
    .orderBy("tenant_id")
    .limit(limit)
    .select(
      "tenant_id",
      "wave",
      "status",
      "from_version",
      "to_version",
      "attempts",
      "next_attempt_at",
      "duration_ms",
      "error",
      "finished_at",
    );
