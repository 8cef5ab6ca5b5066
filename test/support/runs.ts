/** Runs of fleet migrations as rows, for what only shows them. */
import type { ResultError, ResultRow, RunStatus, WaveRow } from "../../control-plane/fleet/run-store.ts";
import { runOptionsSchema } from "../../control-plane/fleet/run-options.ts";
import { readMigrations } from "../../core/migrations/sql-files.ts";
import { versionOf } from "../../core/migrations/version.ts";
import { undoLastMigration } from "./last-migration.ts";
import type { Platform } from "./platform.ts";

interface WaveRows {
  readonly name: string;
  readonly status?: WaveRow["status"];
  /** Ids of tenants by what became of them. */
  readonly tenants?: Partial<Record<ResultRow["status"], readonly number[]>>;
}

export const refusal: ResultError = {
  code: "42701",
  message: 'column "nickname" of relation "customers" already exists',
  migration: "0015_nicknames.sql",
  statement: 2,
  sql: "ALTER TABLE customers ADD COLUMN nickname <text>",
};

/** Version that a schema has without the newest migration. */
export const versionBefore = (): string => versionOf(readMigrations("tenant").slice(0, -1));

/** A company's schema as the release before this one left it, in fact and in the registry. */
export async function makeBehind(platform: Platform, id: number): Promise<void> {
  await undoLastMigration(platform, `tenant_${id}`);
  await platform.ctx.db("tenant_versions").where({ tenant_id: id }).update({ version: versionBefore() });
}

/** Answers the run's id. Failed tenants failed with `refusal`. */
export async function insertRun(
  { ctx }: Platform,
  { status, waves, wave = 1 }: { status: RunStatus; waves: readonly WaveRows[]; wave?: number },
): Promise<string> {
  const isOpen = status === "running" || status === "paused";
  const [run] = await ctx
    .db("migration_runs")
    .insert({
      direction: "up",
      target: "0015_nicknames.sql 0123456789abcdef",
      status,
      wave,
      options: JSON.stringify(runOptionsSchema.parse({})),
      requested_by: "cli:ana",
      pause_reason: status === "paused" ? "a canary failed" : null,
      // Whoever looks for runs that nobody drives leaves it alone.
      coordinator: "elsewhere",
      lease_expires_at: ctx.db.raw("now() + interval '1 hour'"),
      finished_at: isOpen ? null : ctx.db.fn.now(),
    })
    .returning<{ id: string }[]>("id");
  const id = run?.id ?? "";
  for (const [i, { name, status: waveStatus = "waiting", tenants = {} }] of waves.entries()) {
    const number = i + 1;
    const started_at = waveStatus === "waiting" ? null : ctx.db.raw("now() - interval '10 s'");
    await ctx.db("migration_waves").insert({ run_id: id, number, name, status: waveStatus, started_at });
    for (const [state, ids] of Object.entries(tenants))
      for (const tenant of ids) await insertResult(ctx.db, { id, tenant, wave: number, state });
  }
  return id;
}

function insertResult(
  db: Platform["ctx"]["db"],
  { id, tenant, wave, state }: { id: string; tenant: number; wave: number; state: string },
) {
  return db("migration_results").insert({
    run_id: id,
    tenant_id: tenant,
    wave,
    status: state,
    from_version: "0014_people.sql fedcba9876543210",
    to_version: state === "done" ? "0015_nicknames.sql 0123456789abcdef" : null,
    attempts: state === "waiting" ? 0 : 1,
    duration_ms: state === "done" ? 12.5 : null,
    error: state === "failed" ? JSON.stringify(refusal) : null,
    finished_at: state === "waiting" ? null : db.fn.now(),
  });
}

/** Nobody coordinates a run while it is looked at: whatever asks for one finds it taken. */
export const holdRuns = (platform: Platform) =>
  platform.query(
    `CREATE OR REPLACE FUNCTION hold_still() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN NEW.lease_expires_at := now() + interval '1 hour'; NEW.coordinator := 'elsewhere'; RETURN NEW; END $$;
     CREATE OR REPLACE TRIGGER hold_still BEFORE INSERT OR UPDATE ON migration_runs
       FOR EACH ROW EXECUTE FUNCTION hold_still()`,
  );

/** Gives the runs that were held free for commands only: the platform's own process gets none of them. */
export const leaveRunsToCommands = (platform: Platform) =>
  platform.query(
    `CREATE OR REPLACE FUNCTION hold_still() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN RETURN CASE WHEN NEW.coordinator = '${platform.ctx.instance}' THEN NULL ELSE NEW END; END $$;
     UPDATE migration_runs SET lease_expires_at = now() WHERE status = 'running'`,
  );

/** No run is left, and the next one is coordinated again. */
export const forgetRuns = (platform: Platform) =>
  platform.query("DELETE FROM migration_runs; DROP TRIGGER IF EXISTS hold_still ON migration_runs");
