/**
 * The one loop. Provisioning, retry, crash recovery, suspension and deletion are all this: walk the resources of one
 * tenant towards its desired state, write down what happened, and leave what has to wait for the sweep.
 */
import type { ControlContext } from "../context.ts";
import { crashPoint } from "./crash-point.ts";
import { inspectIfDue } from "./inspection/inspect-tenant.ts";
import { LeaseLost, keepLease, releaseLease, takeLease } from "./lease.ts";
import { endDeletion } from "./endings/deletion.ts";
import { endOperation } from "./endings/end-operation.ts";
import { listResources, parkResource, type ResourceRow } from "./operation-store.ts";
import { takeBackLateWrites } from "./endings/late-writes.ts";
import { blockersOf, isAtGoal } from "./plan-steps.ts";
import type { LeasedTenant } from "./resource.ts";
import { resources } from "./resources/index.ts";
import { beginRollback, callsForRollback, endRollback } from "./endings/rollback.ts";
import { readLeasedTenant } from "./tenant-store.ts";
import { walkResources, type Progress } from "./walk.ts";

/**
 * Takes the tenant's lease and converges it. Does nothing when another process holds the tenant.
 * Never throws for what a resource did: that is in its row. Throws what PostgreSQL throws when it is away.
 */
export async function converge(ctx: ControlContext, companyId: number, progress?: Progress): Promise<void> {
  const fence = await takeLease(ctx, companyId);
  if (fence !== undefined) await convergeLeased(ctx, companyId, { fence, ...(progress ? { progress } : {}) });
}

/** The same for who holds the lease already; it is released at the end. */
export async function convergeLeased(
  ctx: ControlContext,
  companyId: number,
  { fence, progress }: { fence: number; progress?: Progress },
): Promise<void> {
  const stopKeeping = keepLease(ctx, companyId, fence);
  let tenant: LeasedTenant | undefined;
  let aimChanged = false;
  try {
    do {
      tenant = await readLeasedTenant(ctx.db, companyId, fence);
      await inspectIfDue(ctx, tenant);
      const rows = await walkResources(ctx, tenant, { rows: await listResources(ctx.db, companyId), progress });
      aimChanged = await settle(ctx, tenant, rows);
    } while (aimChanged);
  } catch (error) {
    if (!(error instanceof LeaseLost)) throw error;
    ctx.log.warn({ companyId }, error.message);
    if (tenant !== undefined) await takeBackLateWrites(ctx, tenant);
  } finally {
    stopKeeping();
    await releaseLease(ctx, companyId, fence).catch(() => undefined);
  }
}

/**
 * Ends the operation when nothing is left to do or nothing more will be tried, and parks what waits for another resource.
 * Answers true when something else is wanted from now on: a rollback has begun.
 */
async function settle(
  ctx: ControlContext,
  tenant: LeasedTenant,
  rows: ReadonlyMap<string, ResourceRow>,
): Promise<boolean> {
  const all = [...rows.values()];
  crashPoint(ctx, `${tenant.desiredState}.settle`);
  await parkBlocked(ctx, tenant, rows);
  if (all.every((row) => isAtGoal(tenant.desiredState, row))) {
    await reachGoal(ctx, tenant);
    return false;
  }
  const stuck = all.filter((row) => row.status === "failed" && row.next_attempt_at === null);
  if (callsForRollback(tenant, stuck) && (await beginRollback(ctx, tenant, stuck[0]))) return true;
  if (stuck.length > 0) await endOperation(ctx, tenant, "failed");
  return false;
}

function reachGoal(ctx: ControlContext, tenant: LeasedTenant): Promise<void> {
  if (tenant.desiredState === "deleted") return endDeletion(ctx, tenant);
  if (tenant.desiredState === "rolled_back") return endRollback(ctx, tenant);
  return endOperation(ctx, tenant, "succeeded");
}

/** A resource that waits for a failed one is due when that one is: else the sweep would come for it every second. */
async function parkBlocked(
  ctx: ControlContext,
  tenant: LeasedTenant,
  rows: ReadonlyMap<string, ResourceRow>,
): Promise<void> {
  for (const resource of resources) {
    const row = rows.get(resource.name);
    if (row === undefined) continue;
    if (isAtGoal(tenant.desiredState, row)) {
      if (row.next_attempt_at !== null) await parkResource(ctx, tenant, { ...row, next_attempt_at: null });
      continue;
    }
    const waits = blockersOf(resource, resources, tenant.desiredState)
      .map((name) => rows.get(name))
      .filter((blocker) => blocker !== undefined && !isAtGoal(tenant.desiredState, blocker));
    const own = row.next_attempt_at?.getTime() ?? (row.status === "failed" ? Infinity : 0);
    // Nothing in its way: its own attempt says when the next one is. One that never failed must have a next one.
    if (waits.length === 0 && (row.status === "failed" || row.next_attempt_at !== null)) continue;
    const times = [own, ...waits.map((blocker) => blocker?.next_attempt_at?.getTime() ?? Infinity)];
    const next = Math.max(...times);
    await parkResource(ctx, tenant, { ...row, next_attempt_at: Number.isFinite(next) ? new Date(next) : null });
  }
}
