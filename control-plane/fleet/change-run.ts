/** What people do to a run. Each is one transaction with its audit row; the coordinator sees it within half a second. */
import type { Knex } from "../../core/db.ts";
import { AppError } from "../../core/errors.ts";
import { writeAudit } from "../audit.ts";
import type { FleetContext } from "./fleet-context.ts";
import { opening, refuseOpenRun } from "./open-run.ts";
import { findRun, type RunRow, type RunStatus } from "./run-store.ts";
import { claimWindowAgain } from "./window/claim-window.ts";

/** @throws AppError `run-not-found`, `state-conflict`. */
export const pauseRun = (ctx: FleetContext, id: string, actor: string): Promise<RunRow> =>
  change(ctx, { id, actor, verb: "paused", from: ["running"] }, (trx) =>
    trx("migration_runs")
      .where({ id })
      .update({ status: "paused", pause_reason: `paused by ${actor}` }),
  );

/** Goes on where it stopped: what failed stays failed. @throws as pauseRun. */
export const resumeRun = (ctx: FleetContext, id: string, actor: string): Promise<RunRow> =>
  change(ctx, { id, actor, verb: "resumed", from: ["paused"] }, async (trx) => {
    await trx("migration_runs")
      .where({ id })
      .update({ ...again(trx), status: "running" });
  });

/** What is begun is finished, the rest stays as it is. @throws as pauseRun. */
export const abortRun = (ctx: FleetContext, id: string, actor: string): Promise<RunRow> =>
  change(ctx, { id, actor, verb: "aborted", from: ["running", "paused"] }, (trx) =>
    trx("migration_runs").where({ id }).update({ status: "aborted", finished_at: trx.fn.now() }),
  );

/** Only what failed, and what an aborted run left, is tried again. @throws as pauseRun, `run-open` when another one is, `contract-too-early`. */
export const retryFailed = (ctx: FleetContext, id: string, actor: string): Promise<RunRow> =>
  change(ctx, { id, actor, verb: "retried", from: ["paused", "failed", "aborted"] }, async (trx) => {
    const failed = await trx("migration_results")
      .where({ run_id: id, status: "failed" })
      .update({ status: "waiting", error: null, next_attempt_at: trx.fn.now(), first_busy_at: null, finished_at: null })
      .returning("wave");
    const waves = [...new Set(failed.map(({ wave }: { wave: number }) => wave))];
    const waiting = await trx("migration_results").where({ run_id: id, status: "waiting" }).first("tenant_id");
    if (waiting === undefined) throw new AppError("nothing-to-do", "no tenant of this run failed");
    await trx("migration_waves")
      .where({ run_id: id })
      .whereIn("number", waves)
      .update({ status: "waiting", finished_at: null });
    await reopenLastWave(trx, id);
    await trx("migration_runs")
      .where({ id })
      .update({ ...again(trx), status: "running", finished_at: null });
    await claimWindowAgain(trx, id);
  });

/** The last wave is the one that waits for busy tenants: it is gone through whatever else is. */
const reopenLastWave = (trx: Knex.Transaction, id: string) =>
  trx("migration_waves")
    .where({ run_id: id, number: trx("migration_waves").where({ run_id: id }).max("number") })
    .update({ status: "waiting", finished_at: null });

const again = (trx: Knex.Transaction) => ({
  pause_reason: null,
  resumed_at: trx.fn.now(),
  coordinator: null,
  lease_expires_at: trx.fn.now(),
});

interface Change {
  readonly id: string;
  readonly actor: string;
  readonly verb: string;
  readonly from: readonly RunStatus[];
}

async function change(
  ctx: FleetContext,
  { id, actor, verb, from }: Change,
  act: (trx: Knex.Transaction) => PromiseLike<unknown>,
): Promise<RunRow> {
  return opening(ctx.db, async (trx) => {
    await trx("migration_runs").where({ id }).forUpdate().first("id");
    const run = await getRun(trx, id);
    if (!from.includes(run.status))
      throw new AppError("state-conflict", `the run is ${run.status}; only ${from.join(" or ")} ones can be ${verb}`);
    await refuseOpenRun(trx, run.id);
    await act(trx);
    await writeAudit(trx, { actor, action: `migration-run.${verb}`, correlationId: id, data: { runId: id } });
    return getRun(trx, id);
  });
}

/** @throws AppError `run-not-found`. */
export async function getRun(db: Knex, id: string): Promise<RunRow> {
  const run = await findRun(db, id);
  if (run === undefined) throw new AppError("run-not-found", "there is no such migration run");
  return run;
}
