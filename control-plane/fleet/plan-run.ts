/** What a run would do, and the rows that begin one. */
import type { Knex } from "../../core/db.ts";
import { AppError } from "../../core/errors.ts";
import { listEdited } from "../../core/migrations/applied.ts";
import { writeAudit } from "../audit.ts";
import { draftRun, type RunPlan } from "./draft-run.ts";
import type { FleetContext } from "./fleet-context.ts";
import { opening } from "./open-run.ts";
import { runOptionsSchema, type RunOptions, type RunRequest } from "./run-options.ts";
import { claimWindow } from "./window/claim-window.ts";
import { assertWindow } from "./window/contract-blockers.ts";

export type { RunPlan } from "./draft-run.ts";

/**
 * Changes nothing. One query, and one more where something is to be done.
 * @throws AppError `invalid-request`; `contract-too-early` where somebody needs what it would take away.
 */
export async function planRun({ db }: FleetContext, request: RunRequest): Promise<RunPlan> {
  const { plan, pending } = await draftRun(db, runOptionsSchema.parse(request));
  await assertWindow(db, pending);
  return plan;
}

/**
 * Writes a run with its waves and tenants, for this process to coordinate; if it does not, another one takes over when the
 * lease has ended.
 * @throws AppError `run-open` when one is open, `nothing-to-do` when all tenants are where they should be,
 * `contract-too-early` as planRun, `history-edited` when a file is not any more what ran.
 */
export async function startRun(ctx: FleetContext, request: RunRequest, requestedBy: string): Promise<string> {
  const options = runOptionsSchema.parse(request);
  return opening(ctx.db, async (trx) => {
    const { plan, pending, sql, bindings } = await draftRun(trx, options);
    if (plan.tenants === 0) throw new AppError("nothing-to-do", "every tenant is where the run would bring it");
    await refuseEdited(trx);
    await claimWindow(trx, pending);
    const id = await insertRun(trx, ctx, { plan, options, requestedBy });
    await trx.raw(
      `INSERT INTO migration_results (run_id, tenant_id, wave, from_version)
       SELECT :id, tenant_id, wave, version FROM (${sql}) AS planned`,
      { ...bindings, id },
    );
    await trx("migration_waves").insert(plan.waves.map(({ number, name }) => ({ run_id: id, number, name })));
    const data = { runId: id, direction: plan.direction, target: plan.target, tenants: plan.tenants };
    await writeAudit(trx, { actor: requestedBy, action: "migration-run.started", correlationId: id, data });
    return id;
  });
}

async function refuseEdited(db: Knex): Promise<void> {
  const edited = await listEdited(db, "tenant");
  if (edited.length === 0) return;
  const advice = "restore the file as it was released and write the change as a new migration";
  throw new AppError("history-edited", `${edited.join(", ")} ran here with another text: ${advice}`);
}

async function insertRun(
  trx: Knex.Transaction,
  { instance, config }: FleetContext,
  { plan, options, requestedBy }: { plan: RunPlan; options: RunOptions; requestedBy: string },
): Promise<string> {
  const [row] = await trx("migration_runs")
    .insert({
      direction: plan.direction,
      target: plan.target,
      mode: options.mode,
      options: JSON.stringify(options),
      requested_by: requestedBy,
      wave: plan.waves[0]?.number ?? 1,
      coordinator: instance,
      lease_expires_at: trx.raw("now() + make_interval(secs => ?)", [config.LEASE_SECONDS]),
    })
    .returning("id");
  return row.id as string;
}
