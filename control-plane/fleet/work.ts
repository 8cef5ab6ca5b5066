/** Lanes that take tenants from a run's queue until none is due: who is free takes the next one. */
import { setTimeout as sleep } from "node:timers/promises";
import { isServiceDown, messageOf } from "../../core/errors.ts";
import type { FleetContext } from "./fleet-context.ts";
import { migrateByPieces } from "./migrate-by-pieces.ts";
import { Lane, type LaneSettings, type Outcome } from "./migrate-tenant.ts";
import { busySince, postpone, settle, type QueueItem, type RunQueue } from "./run-queue.ts";
import type { ResultError } from "./run-store.ts";
import { NoWay, type StepFinder } from "./step.ts";

export interface Work extends LaneSettings {
  readonly runId: string;
  readonly queue: RunQueue;
  readonly steps: StepFinder;
  readonly busyMs: number;
  /** Connections that wait for the next work, as a new one has to learn all of the server's catalog first. Its owner closes them. */
  readonly idleLanes: Lane[];
  /** How many lanes may work now; asked before each tenant. */
  readonly width: () => number;
  readonly isStopped: () => boolean;
  readonly onOutcome: (tenantId: number, outcome: Settled) => void;
}

/** What a tenant's row says after an attempt. */
export type Settled =
  | { readonly status: "done" | "skipped" }
  | { readonly status: "busy" | "failed"; readonly error: ResultError };

/** A server process keeps what it read of each tenant: a fresh one takes its place after so many. */
const tenantsPerConnection = 500;

/** Resolves when nothing is due or the work was stopped; what was begun is finished first. Outlives a restart of PostgreSQL. */
export async function work(ctx: FleetContext, job: Work, lanes: number): Promise<void> {
  await Promise.all(Array.from({ length: lanes }, (_, number) => runLane(ctx, job, number)));
}

async function runLane(ctx: FleetContext, job: Work, number: number): Promise<void> {
  let lane = job.idleLanes.pop();
  const retire = async () => {
    await lane?.close();
    lane = undefined;
  };
  for (let outages = 0; !job.isStopped();) {
    if (number >= job.width()) {
      await sleep(50);
      continue;
    }
    let item: QueueItem | undefined;
    try {
      item = await job.queue.take();
      if (item === undefined) break;
      lane ??= await Lane.open(ctx.databaseUrl, job);
      const settled = await attempt(ctx, job, { lane, item });
      job.onOutcome(item.tenantId, settled);
      outages = 0;
      if (lane.uses >= tenantsPerConnection || lane.isLost) await retire();
    } catch (error) {
      await retire();
      if (!isServiceDown(error)) throw error;
      outages += 1;
      if (outages === 1)
        ctx.log.warn({ reason: messageOf(error) }, "PostgreSQL is away; the run goes on when it is back");
      await sleep(Math.min(2_000, 100 * 2 ** outages));
    } finally {
      if (item !== undefined) job.queue.finished(item);
    }
  }
  if (lane !== undefined) job.idleLanes.push(lane);
}

async function attempt(
  ctx: FleetContext,
  job: Work,
  { lane, item }: { lane: Lane; item: QueueItem },
): Promise<Settled> {
  const outcome = await migrate(ctx, job, { lane, item });
  if (outcome.status === "done") return { status: "done" };
  if (outcome.status === "moved") {
    // Somebody else was faster: the row was read anew, so is the version, with the next turn.
    await postpone(ctx.db, job.runId, item, { error: movedMeanwhile, delayMs: 0 });
    return { status: "busy", error: movedMeanwhile };
  }
  const { error } = outcome;
  if (outcome.status === "busy" && (await busySince(ctx.db, job.runId, item)) < job.busyMs) {
    await postpone(ctx.db, job.runId, item, { error, delayMs: backOff(item.attempts) });
    return { status: "busy", error };
  }
  const isGone = error.code === schemaGone && !(await hasOwner(ctx, item.tenantId));
  const status = isGone ? "skipped" : "failed";
  await settle(ctx.db, job.runId, item, { status, error });
  return isGone ? { status: "skipped" } : { status: "failed", error };
}

async function migrate(
  ctx: FleetContext,
  job: Work,
  { lane, item }: { lane: Lane; item: QueueItem },
): Promise<Outcome> {
  const { steps, runId } = job;
  try {
    const step = await steps.find(ctx.db, item.tenantId, item.version);
    if (step.migrations.every(({ isBatchable }) => isBatchable)) return await lane.migrate(item, step, runId);
    return await migrateByPieces({ ...job, databaseUrl: ctx.databaseUrl, tenant: item, step });
  } catch (error) {
    if (error instanceof NoWay) return { status: "failed", error: { code: error.code, message: error.message } };
    if ((error as { code?: string }).code === undefinedTable)
      return {
        status: "failed",
        error: { code: schemaGone, message: "the schema, or its record of migrations, is missing" },
      };
    throw error;
  }
}

const movedMeanwhile: ResultError = { code: "moved", message: "its version changed meanwhile" };
const schemaGone = "SE004";
const undefinedTable = "42P01";

/** Of a company that is to be kept; of one that goes, and of a spare thrown away, the schema may be gone. */
async function hasOwner({ db }: FleetContext, id: number): Promise<boolean> {
  return (
    (await db("companies").where({ id }).whereNotIn("desired_state", ["deleted", "rolled_back"]).first("id")) !==
    undefined
  );
}

/** Grows to a quarter of a minute; no two tenants' the same, so that they do not come back together. */
const backOff = (attempts: number): number => Math.min(15_000, 500 * 2 ** attempts) * (0.5 + Math.random());
