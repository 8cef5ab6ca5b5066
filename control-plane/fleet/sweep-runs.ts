/** Takes over runs whose coordinator is gone, and coordinates those that were started through the API. */
import { messageOf } from "../../core/errors.ts";
import { coordinate } from "./coordinate.ts";
import type { FleetContext } from "./fleet-context.ts";

export interface RunSweep {
  /** Hands a run over that this process coordinates, and stops looking. */
  close(): Promise<void>;
}

export function startRunSweep(ctx: FleetContext, seconds: number): RunSweep {
  const closing = new AbortController();
  let running: Promise<void> | undefined;
  const look = async () => {
    const free = await ctx
      .db("migration_runs")
      .where({ status: "running" })
      .where((q) => q.where("lease_expires_at", "<=", ctx.db.fn.now()).orWhere({ coordinator: ctx.instance }))
      .first("id");
    if (free === undefined || closing.signal.aborted) return;
    const run = await coordinate(ctx, free.id, { signal: closing.signal });
    ctx.log.info(
      { runId: run.id, status: run.status, reason: run.pause_reason ?? undefined },
      "a migration run stands",
    );
  };
  const timer = setInterval(() => {
    running ??= look()
      .catch((error: unknown) => ctx.log.warn({ reason: messageOf(error) }, "migration runs could not be looked at"))
      .finally(() => (running = undefined));
  }, seconds * 1000);
  return {
    async close() {
      closing.abort();
      clearInterval(timer);
      await running;
    },
  };
}
