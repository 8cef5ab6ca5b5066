/** The way of one tenant's resources towards its desired state, as far as it goes now. */
import { ResourceError } from "../../core/errors.ts";
import type { ControlContext } from "../context.ts";
import { createChangeRecorder, type ChangeRecorder } from "./change-recorder.ts";
import { crashPoint } from "./crash-point.ts";
import { LeaseLost } from "./lease.ts";
import type { ResourceRow, ResourceStatus } from "./operation-store.ts";
import { dueResources, goalOf } from "./plan-steps.ts";
import type { LeasedTenant, Resource } from "./resource.ts";
import { resources } from "./resources/index.ts";
import { classifyFailure, type Failure } from "./retry.ts";
import { isServable } from "./status.ts";

/** Called after every write, with all rows as they are in the database now. */
export type Progress = (rows: ReadonlyMap<string, ResourceRow>) => void;

interface Walk {
  readonly tenant: LeasedTenant;
  readonly recorder: ChangeRecorder;
  /** What is true, written or about to be. */
  readonly rows: Map<string, ResourceRow>;
  /** What is written: only this is told to others. */
  readonly written: Map<string, ResourceRow>;
  readonly writes: Set<Promise<void>>;
  readonly progress: Progress | undefined;
  /** The first fault that ends the walk; what runs is waited for, nothing new is started. */
  broken: Error | undefined;
}

/**
 * Starts whatever is due, side by side, and looks again whenever one of them ends. Answers the rows as they were left.
 * A resource that failed is in its row, not thrown. @throws LeaseLost, and what PostgreSQL throws when it is away.
 */
export async function walkResources(
  ctx: ControlContext,
  tenant: LeasedTenant,
  { rows, progress }: { rows: readonly ResourceRow[]; progress: Progress | undefined },
): Promise<ReadonlyMap<string, ResourceRow>> {
  const known = rows.map((row) => [row.name, row] as const);
  const current = new Map<string, ResourceRow>(known);
  const recorder = createChangeRecorder(ctx, tenant, () => isServable([...current.values()]));
  const walk: Walk = {
    tenant,
    recorder,
    rows: current,
    written: new Map(known),
    writes: new Set(),
    progress,
    broken: undefined,
  };
  const running = new Map<string, Promise<void>>();
  for (;;) {
    const due = dueResources(resources, current, { desired: tenant.desiredState, now: Date.now() });
    for (const resource of walk.broken ? [] : due.filter(({ name }) => !running.has(name))) {
      const step = takeStep(ctx, walk, resource)
        .catch((error: unknown) => void (walk.broken ??= error as Error))
        .finally(() => running.delete(resource.name));
      running.set(resource.name, step);
    }
    if (running.size === 0) break;
    await Promise.race(running.values());
  }
  await Promise.all(walk.writes);
  if (walk.broken !== undefined) throw walk.broken;
  return current;
}

async function takeStep(ctx: ControlContext, walk: Walk, resource: Resource): Promise<void> {
  const goal = goalOf(walk.tenant.desiredState, resource.name);
  if (goal === undefined) return;
  const attempt = (walk.rows.get(resource.name)?.attempts ?? 0) + 1;
  // Nothing is touched before the row says so, under a lease that is still ours.
  await change(walk, resource, { status: "working", attempt });
  if (walk.broken !== undefined) return;
  const point = `${walk.tenant.desiredState}.${resource.name}`;
  crashPoint(ctx, `${point}.before`);
  try {
    if (goal === "absent") await destroyCompletely(ctx, walk.tenant, resource);
    else await resource.ensure(ctx, walk.tenant);
  } catch (error) {
    if (error instanceof LeaseLost) throw error;
    const failure = classifyFailure(error, attempt);
    const details = { err: error, companyId: walk.tenant.id, resource: resource.name, retry: failure.retry };
    ctx.log.warn(details, "resource did not converge");
    await change(walk, resource, { status: "failed", attempt, failure });
    return;
  }
  crashPoint(ctx, `${point}.after`);
  // Not waited for here: what was blocked by this one starts now, and its own change goes in the same write.
  void change(walk, resource, { status: goal, attempt });
}

/** Removed is what a look confirms to be gone. @throws ResourceError `transient` when it is still there, or nobody can say. */
async function destroyCompletely(ctx: ControlContext, tenant: LeasedTenant, resource: Resource): Promise<void> {
  await resource.destroy(ctx, tenant);
  const left = await resource.inspect(ctx, tenant);
  if (left.state === "absent") return;
  const why =
    left.state === "drifted" ? left.why.join("; ") : left.state === "unknown" ? left.why : "it is still there";
  throw new ResourceError("transient", `${resource.name}-not-gone`, `removed, and looked at again: ${why}`);
}

interface StepChange {
  readonly status: ResourceStatus;
  readonly attempt: number;
  readonly failure?: Failure;
}

/** Never rejects: a write that failed ends the walk. */
function change(walk: Walk, resource: Resource, step: StepChange): Promise<void> {
  const row = rowAfter(walk.rows.get(resource.name) as ResourceRow, step);
  walk.rows.set(resource.name, row);
  const { status, failure } = step;
  const write = walk.recorder
    .record({ resource: resource.name, status, ...(failure ? { failure } : {}) })
    .then(() => {
      walk.written.set(resource.name, row);
      walk.progress?.(walk.written);
    })
    .catch((error: unknown) => void (walk.broken ??= error as Error))
    .finally(() => walk.writes.delete(write));
  walk.writes.add(write);
  return write;
}

function rowAfter(row: ResourceRow, { status, attempt, failure }: StepChange): ResourceRow {
  const delay = failure?.delaySeconds ?? null;
  return {
    ...row,
    status,
    attempts: status === "ready" || status === "absent" ? 0 : attempt,
    last_error: failure ?? null,
    next_attempt_at: status === "working" ? new Date() : delay === null ? null : new Date(Date.now() + delay * 1000),
  };
}
