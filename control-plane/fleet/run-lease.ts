/** One coordinator per run. The token grows at every takeover; who lost it finds out within half a second. */
import { setTimeout as sleep } from "node:timers/promises";
import { isServiceDown } from "../../core/errors.ts";
import type { FleetContext } from "./fleet-context.ts";
import type { RunStatus } from "./run-store.ts";

const renewEveryMs = 500;

/** Takes a running run whose coordinator is gone; a process may take its own again. Undefined when it cannot be had. */
export async function takeRun(ctx: FleetContext, runId: string): Promise<number | undefined> {
  const { rows } = await ctx.db.raw<{ rows: { token: number }[] }>(
    `UPDATE migration_runs SET coordinator = :owner, lease_token = lease_token + 1, lease_expires_at = ${expiry}
     WHERE id = :runId AND status = 'running' AND (lease_expires_at <= now() OR coordinator = :owner)
     RETURNING lease_token AS token`,
    { runId, owner: ctx.instance, seconds: ctx.config.LEASE_SECONDS },
  );
  return rows[0]?.token;
}

export async function releaseRun(ctx: FleetContext, runId: string, token: number): Promise<void> {
  await ctx
    .db("migration_runs")
    .where({ id: runId, lease_token: token })
    .update({ lease_expires_at: ctx.db.fn.now(), coordinator: null });
}

export interface RunWatch {
  /** `lost`: another process coordinates it now. */
  readonly state: () => RunStatus | "lost";
  /** How long the server took to answer the last renewal, in milliseconds: what its load is judged by. */
  readonly answerMs: () => number;
  close(): Promise<void>;
}

/** Renews the lease and reads what people did to the run, until closed. An outage of the server is waited out. */
export function watchRun(ctx: FleetContext, runId: string, token: number): RunWatch {
  let state: RunStatus | "lost" = "running";
  let answerMs = 0;
  const closing = new AbortController();
  const renew = async () => {
    const before = performance.now();
    const { rows } = await ctx.db.raw<{ rows: { status: RunStatus }[] }>(
      `UPDATE migration_runs SET lease_expires_at = ${expiry} WHERE id = :runId AND lease_token = :token RETURNING status`,
      { runId, token, seconds: ctx.config.LEASE_SECONDS },
    );
    answerMs = performance.now() - before;
    state = rows[0]?.status ?? "lost";
  };
  const loop = async () => {
    while (!closing.signal.aborted) {
      await renew().catch((error: unknown) => {
        if (!isServiceDown(error)) ctx.log.warn({ err: error, runId }, "a run's lease was not renewed");
      });
      await sleep(renewEveryMs, undefined, { signal: closing.signal }).catch(() => undefined);
    }
  };
  const looping = loop();
  return {
    state: () => state,
    answerMs: () => answerMs,
    async close() {
      closing.abort();
      await looping;
    },
  };
}

const expiry = "now() + make_interval(secs => :seconds)";
