/**
 * The one loop. Provisioning, retry, crash recovery, suspension and deletion are all this: walk the resources of one
 * tenant towards its desired state, write down what happened, and leave what has to wait for the sweep.
 */
import type { ControlContext } from "../context.ts";
import { createChangeRecorder, type ChangeRecorder } from "./change-recorder.ts";
import { LeaseLost, keepLease, releaseLease, takeLease } from "./lease.ts";
import { finishOperation, listResources, type ResourceRow, type ResourceStatus } from "./operation-store.ts";
import { blockersOf, dueResources, goalOf } from "./plan-steps.ts";
import type { LeasedTenant, Resource } from "./resource.ts";
import { resources } from "./resources/index.ts";
import { classifyFailure, type Failure } from "./retry.ts";
import { isServable } from "./status.ts";
import { markFirstActive, readLeasedTenant } from "./tenant-store.ts";

/** Called after every change of a resource's row, with all rows as they are now. */
export type Progress = (rows: ReadonlyMap<string, ResourceRow>) => void;

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
  try {
    const tenant = await readLeasedTenant(ctx.db, companyId, fence);
    const rows = new Map((await listResources(ctx.db, companyId)).map((row) => [row.name as string, row]));
    progress?.(rows);
    await walk(ctx, tenant, { rows, recorder: createChangeRecorder(ctx, tenant), ...(progress ? { progress } : {}) });
    await settle(ctx, tenant, rows);
  } catch (error) {
    if (!(error instanceof LeaseLost)) throw error;
    ctx.log.warn({ companyId }, error.message);
  } finally {
    stopKeeping();
    await releaseLease(ctx, companyId, fence).catch(() => undefined);
  }
}

interface Walk {
  readonly recorder: ChangeRecorder;
  readonly rows: Map<string, ResourceRow>;
  readonly progress?: Progress;
}

/** Starts whatever is due, side by side, and looks again whenever one of them ends. */
async function walk(ctx: ControlContext, tenant: LeasedTenant, state: Walk): Promise<void> {
  const running = new Map<string, Promise<void>>();
  let broken: Error | undefined;
  for (;;) {
    const due = dueResources(resources, state.rows, { desired: tenant.desiredState, now: Date.now() });
    for (const resource of broken ? [] : due.filter(({ name }) => !running.has(name))) {
      const step = takeStep(ctx, tenant, { resource, state })
        .catch((error: unknown) => void (broken ??= error as Error))
        .finally(() => running.delete(resource.name));
      running.set(resource.name, step);
    }
    if (running.size === 0) break;
    await Promise.race(running.values());
  }
  if (broken !== undefined) throw broken;
}

async function takeStep(
  ctx: ControlContext,
  tenant: LeasedTenant,
  { resource, state }: { resource: Resource; state: Walk },
): Promise<void> {
  const goal = goalOf(tenant.desiredState);
  const attempt = (state.rows.get(resource.name)?.attempts ?? 0) + 1;
  const change = async (status: ResourceStatus, failure?: Failure) => {
    await state.recorder.record({ resource: resource.name, status, ...(failure ? { failure } : {}) });
    state.rows.set(
      resource.name,
      rowAfter(state.rows.get(resource.name), { status, attempt, ...(failure ? { failure } : {}) }),
    );
    // Before anybody is told: the runtime serves a company from the moment this is written.
    if (status === "ready" && isServable([...state.rows.values()])) await markFirstActive(ctx, tenant);
    state.progress?.(state.rows);
  };
  await change("working");
  try {
    await (goal === "absent" ? resource.destroy(ctx, tenant) : resource.ensure(ctx, tenant));
  } catch (error) {
    if (error instanceof LeaseLost) throw error;
    const failure = classifyFailure(error, attempt);
    ctx.log.warn(
      { err: error, companyId: tenant.id, resource: resource.name, retry: failure.retry },
      "resource did not converge",
    );
    await change("failed", failure);
    return;
  }
  await change(goal);
}

function rowAfter(
  row: ResourceRow | undefined,
  { status, attempt, failure }: { status: ResourceStatus; attempt: number; failure?: Failure },
): ResourceRow {
  const delay = failure?.delaySeconds ?? null;
  return {
    ...(row as ResourceRow),
    status,
    attempts: status === "ready" || status === "absent" ? 0 : attempt,
    last_error: failure ?? null,
    next_attempt_at: status === "working" ? new Date() : delay === null ? null : new Date(Date.now() + delay * 1000),
  };
}

/** Ends the operation when nothing is left to do or nothing more will be tried, and parks what waits for another resource. */
async function settle(
  ctx: ControlContext,
  tenant: LeasedTenant,
  rows: ReadonlyMap<string, ResourceRow>,
): Promise<void> {
  const goal = goalOf(tenant.desiredState);
  const all = [...rows.values()];
  await parkBlocked(ctx, tenant, rows);
  if (all.every((row) => row.status === goal)) await finishOperation(ctx, tenant, "succeeded");
  else if (all.some((row) => row.status === "failed" && row.next_attempt_at === null))
    await finishOperation(ctx, tenant, "failed");
}

/** A resource that waits for a failed one is due when that one is: else the sweep would come for it every second. */
async function parkBlocked(
  ctx: ControlContext,
  tenant: LeasedTenant,
  rows: ReadonlyMap<string, ResourceRow>,
): Promise<void> {
  const goal = goalOf(tenant.desiredState);
  for (const resource of resources) {
    const row = rows.get(resource.name);
    if (row?.status !== "pending" && row?.status !== "absent" && row?.status !== "ready") continue;
    if (row.status === goal) continue;
    const waits = blockersOf(resource, resources, tenant.desiredState)
      .map((name) => rows.get(name))
      .filter((blocker) => blocker !== undefined && blocker.status !== goal);
    const times = waits.map((blocker) => blocker?.next_attempt_at?.getTime() ?? Infinity);
    const next = Math.max(...times, 0);
    await ctx
      .db("tenant_resources")
      .where({ company_id: tenant.id, name: resource.name, status: row.status })
      .update({ next_attempt_at: Number.isFinite(next) ? new Date(next) : null });
  }
}
