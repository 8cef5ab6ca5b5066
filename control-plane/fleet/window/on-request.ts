/** A run that migrates tenants when somebody asks for them: those after the canaries wait until they are called. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Knex } from "../../../core/db.ts";
import { messageOf } from "../../../core/errors.ts";
import type { FleetContext } from "../fleet-context.ts";
import type { RunRow } from "../run-store.ts";
import { hearTouched } from "./touched.ts";

/** When somebody who is not called would be due. */
const never = "9999-01-01T00:00:00Z";

export interface CallOptions {
  readonly run: Pick<RunRow, "id" | "mode">;
  /** Another tenant is called each time this is over, so that a run ends though nobody asks for some; absent: none is. */
  readonly trickleMs?: number | undefined;
}

/** Does the work of a run's coordinator; in mode `on-request`, while tenants are called for it. */
export async function withCalls<T>(
  ctx: FleetContext,
  { run, trickleMs }: CallOptions,
  work: () => Promise<T>,
): Promise<T> {
  if (run.mode === "eager") return work();
  await holdBack(ctx.db, run.id);
  const calls = keepCalling(ctx, run.id, trickleMs);
  try {
    return await work();
  } finally {
    await calls.close();
  }
}

/** Who is not a canary waits from now on; who was called or tried before keeps its time. Safe to repeat. */
async function holdBack(db: Knex, runId: string): Promise<void> {
  await db("migration_results")
    .where({ run_id: runId, status: "waiting", next_attempt_at: "-infinity" })
    .where("wave", ">", 1)
    .update({ next_attempt_at: never });
}

/** Is due now, if it was held back. */
async function callUp(db: Knex, runId: string, tenantId: number): Promise<void> {
  await db("migration_results")
    .where({ run_id: runId, tenant_id: tenantId, status: "waiting", next_attempt_at: never })
    .update({ next_attempt_at: db.fn.now() });
}

/** Calls whom processes name, and others by and by. A tenant that is not called for a lost server is named again. */
function keepCalling(ctx: FleetContext, runId: string, trickleMs: number | undefined): { close(): Promise<void> } {
  const stop = new AbortController();
  const call = (work: Promise<unknown>) =>
    work.then(
      () => undefined,
      (error: unknown) => ctx.log.debug({ reason: messageOf(error) }, "a tenant was not called; it comes again"),
    );
  const calling = new Set<Promise<void>>();
  const listener = hearTouched(ctx, (tenantId) => {
    const work = call(callUp(ctx.db, runId, tenantId)).finally(() => calling.delete(work));
    calling.add(work);
  });
  const trickling =
    trickleMs === undefined ? undefined : trickle(stop.signal, trickleMs, () => call(callNext(ctx.db, runId)));
  return {
    async close() {
      stop.abort();
      await listener.close();
      await Promise.all([...calling, trickling]);
    },
  };
}

async function trickle(signal: AbortSignal, ms: number, act: () => Promise<unknown>): Promise<void> {
  while (!signal.aborted) {
    await sleep(ms, undefined, { signal }).catch(() => undefined);
    if (!signal.aborted) await act();
  }
}

const callNext = (db: Knex, runId: string): Promise<unknown> =>
  db.raw(
    `UPDATE migration_results SET next_attempt_at = now() WHERE run_id = :runId AND tenant_id = (
       SELECT tenant_id FROM migration_results
       WHERE run_id = :runId AND status = 'waiting' AND next_attempt_at = :never ORDER BY wave, tenant_id LIMIT 1)`,
    { runId, never },
  );
