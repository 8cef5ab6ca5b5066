/** Whether the runtimes' requests fail more since a wave began; looked at while it works and before the next one. */
import { isServiceDown } from "../../core/errors.ts";
import type { FleetContext } from "./fleet-context.ts";
import type { RunRow } from "./run-store.ts";
import { judgeHealth, readHealth, readSettledHealth } from "./window/runtime-health.ts";

const lookEveryMs = 1_000;

export interface HealthWatch {
  /** Why to pause, as soon as it is seen. */
  readonly reason: () => string | undefined;
  /** Looks once more; `settled`: waits until every runtime has told what it answered until now. */
  readonly judge: (settled: boolean) => Promise<string | undefined>;
  close(): void;
}

/** The moment it is opened is the one that is compared with. */
export async function watchHealth(ctx: FleetContext, run: RunRow): Promise<HealthWatch> {
  const before = await readHealth(ctx.db);
  const options = { maxRuntimeErrorRate: run.options.maxRuntimeErrorRate };
  let reason: string | undefined;
  const judge = async (settled: boolean) => {
    const now = await (settled ? readSettledHealth(ctx.db) : readHealth(ctx.db));
    const verdict = judgeHealth(before, now, options);
    if ("pause" in verdict) reason ??= verdict.pause;
    return reason;
  };
  const look = () =>
    judge(false).catch((error: unknown) => {
      if (!isServiceDown(error)) ctx.log.warn({ err: error, runId: run.id }, "the runtimes' health could not be read");
    });
  const timer = setInterval(() => void look(), lookEveryMs);
  return { reason: () => reason, judge, close: () => clearInterval(timer) };
}
