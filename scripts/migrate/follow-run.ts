/** Drives a run from the command line until it stands, or until Ctrl-C hands it over. */
import { setTimeout as sleep } from "node:timers/promises";
import { coordinate } from "../../control-plane/fleet/coordinate.ts";
import type { FleetContext } from "../../control-plane/fleet/fleet-context.ts";
import { getRunView } from "../../control-plane/fleet/get-run.ts";
import { presentResult, presentRun } from "../../control-plane/fleet/present-run.ts";
import type { RunJson } from "../../control-plane/fleet/run-schemas.ts";
import { listResults } from "../../control-plane/fleet/run-store.ts";
import { slugsOf } from "../../control-plane/fleet/slugs-of.ts";
import { isServiceDown } from "../../core/errors.ts";
import { exitCodes } from "./command.ts";
import { jsonReporter } from "./json-reporter.ts";
import type { Reporter } from "./reporter.ts";
import { terminalReporter } from "./terminal-reporter.ts";

const sameKeyMs = 500;

/**
 * Answers the exit code. Where another process drives the run already, it is only watched, and taken over if that one
 * goes away.
 */
export async function followRun(ctx: FleetContext, runId: string, { json }: { json: boolean }): Promise<number> {
  const reporter = json || !process.stdout.isTTY ? jsonReporter() : terminalReporter();
  const leaving = new AbortController();
  const forget = leaveOnSignal(leaving, runId);
  const settled = new AbortController();
  try {
    reporter.started(await readRun(ctx, runId));
    const watching = watchRun(ctx, runId, { reporter, signal: settled.signal });
    await drive(ctx, runId, leaving.signal).finally(() => settled.abort());
    await watching;
    const run = await readRun(ctx, runId);
    reporter.ended(run);
    return exitCodeOf(run);
  } finally {
    settled.abort();
    forget();
  }
}

/** Resolves when the run does not run any more, or the signal came. */
async function drive(ctx: FleetContext, runId: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const { status } = await coordinate(ctx, runId, { signal });
    if (status !== "running") return;
    await sleep(500, undefined, { signal }).catch(() => undefined);
  }
}

/** Reports until told that the run has settled, and once more then, so that nothing that happened is left out. */
async function watchRun(
  ctx: FleetContext,
  runId: string,
  { reporter, signal }: { reporter: Reporter; signal: AbortSignal },
): Promise<void> {
  const known = new Map<number, string>();
  for (let isLast = false; ; isLast = signal.aborted) {
    try {
      const run = await readRun(ctx, runId);
      reporter.progress(run);
      await reportFailures(ctx, run, { reporter, known });
    } catch (error) {
      // The coordinator waits out a restart of PostgreSQL, and so does whoever looks on.
      if (!isServiceDown(error)) throw error;
    }
    if (isLast) return;
    await sleep(reporter.everyMs, undefined, { signal }).catch(() => undefined);
  }
}

/** Each failure once; one that was tried again and failed again is another. */
async function reportFailures(
  ctx: FleetContext,
  run: RunJson,
  { reporter, known }: { reporter: Reporter; known: Map<number, string> },
): Promise<void> {
  if (run.failed === 0 || (run.failed === known.size && run.status === "running")) return;
  for (let after = 0; ;) {
    const rows = await listResults(ctx.db, run.id, { status: "failed", after });
    const fresh = rows.filter((row) => known.get(row.tenant_id) !== String(row.finished_at));
    const slugs = await slugsOf(
      ctx.db,
      fresh.map((row) => row.tenant_id),
    );
    for (const row of fresh) {
      known.set(row.tenant_id, String(row.finished_at));
      reporter.tenantFailed(run, presentResult(row, slugs));
    }
    const last = rows.at(-1);
    if (last === undefined || rows.length < 1000) return;
    after = last.tenant_id;
  }
}

const readRun = async (ctx: FleetContext, runId: string): Promise<RunJson> =>
  presentRun(await getRunView(ctx.db, runId));

/** Paused, or still `running` and handed over: it waits for somebody. */
function exitCodeOf({ status }: RunJson): number {
  if (status === "succeeded") return exitCodes.done;
  return status === "paused" || status === "running" ? exitCodes.paused : exitCodes.failed;
}

/** The first Ctrl-C hands the run over, the second ends the process where it is: either way nothing is left half done. */
function leaveOnSignal(leaving: AbortController, runId: string): () => void {
  let leftAt = 0;
  const leave = () => {
    // npm and tsx pass a Ctrl-C on that the terminal has sent to this process as well.
    if (leaving.signal.aborted && Date.now() - leftAt < sameKeyMs) return;
    if (leaving.signal.aborted) process.exit(130);
    leftAt = Date.now();
    process.stderr.write(
      `\nHanding over: tenants that are begun are finished. A running control plane goes on with the rest by itself;\n` +
        `here: npm run migrate -- resume ${runId}. To stop it instead: npm run migrate -- pause ${runId}\n`,
    );
    leaving.abort();
  };
  process.on("SIGINT", leave).on("SIGTERM", leave);
  return () => void process.off("SIGINT", leave).off("SIGTERM", leave);
}
