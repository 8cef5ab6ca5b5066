/** Brings one run to its end, wave by wave. Who is killed on the way is followed by another, from the rows alone. */
import { setTimeout as sleep } from "node:timers/promises";
import { recordApplied } from "../../core/migrations/applied.ts";
import { compiledMigrations } from "../../core/migrations/compile.ts";
import { tenantVersion } from "../../core/migrations/version.ts";
import { isServiceDown } from "../../core/errors.ts";
import { backPressure } from "./back-pressure.ts";
import { endRun, enlistNewcomers, pauseFor, setWave, startBake } from "./run-progress.ts";
import type { FleetContext } from "./fleet-context.ts";
import { watchHealth, type HealthWatch } from "./watch-health.ts";
import { judgeWave } from "./judge-wave.ts";
import type { Lane } from "./migrate-tenant.ts";
import { releaseRun, takeRun, watchRun, type RunWatch } from "./run-lease.ts";
import { nextDueIn, RunQueue } from "./run-queue.ts";
import { findRun, viewRun, type RunRow, type WaveView } from "./run-store.ts";
import { StepFinder } from "./step.ts";
import { withCalls } from "./window/on-request.ts";
import { work, type Settled } from "./work.ts";

export interface CoordinateOptions {
  /** Hands the run over: what is begun is finished, the run stays `running` for the next coordinator. */
  readonly signal?: AbortSignal;
  readonly onOutcome?: (tenantId: number, outcome: Settled) => void;
}

interface Session {
  readonly ctx: FleetContext;
  readonly run: RunRow;
  readonly steps: StepFinder;
  readonly watch: RunWatch;
  readonly idleLanes: Lane[];
  readonly width: () => number;
  readonly isStopped: () => boolean;
  readonly onOutcome: (tenantId: number, outcome: Settled) => void;
}

/**
 * Resolves when the run has ended, is paused, or is not this process's (any more); the row says which. Waits out a restart of
 * PostgreSQL. @throws Error when there is no such run.
 */
export async function coordinate(ctx: FleetContext, runId: string, options: CoordinateOptions = {}): Promise<RunRow> {
  const token = await takeRun(ctx, runId);
  const run = await findRun(ctx.db, runId);
  if (run === undefined) throw new Error(`there is no run ${runId}`);
  if (token === undefined) return run;
  const watch = watchRun(ctx, runId, token);
  const pressure = backPressure(watch.answerMs, run.options.concurrency);
  const session: Session = {
    ctx,
    run,
    steps: new StepFinder(await compiledMigrations("tenant"), run),
    watch,
    idleLanes: [],
    width: pressure.width,
    isStopped: () => watch.state() !== "running" || options.signal?.aborted === true,
    onOutcome: options.onOutcome ?? (() => undefined),
  };
  const { trickleSeconds } = run.options;
  try {
    const trickleMs = trickleSeconds === undefined ? undefined : trickleSeconds * 1000;
    await withCalls(ctx, { run, trickleMs }, () => runWaves(session));
    // Only a run to the newest version has applied every file.
    if (run.target === (await tenantVersion())) await recordApplied(ctx.db, "tenant");
  } finally {
    await Promise.all(session.idleLanes.map((lane) => lane.close()));
    await watch.close();
    await releaseRun(ctx, runId, token).catch((error: unknown) => {
      if (!isServiceDown(error)) throw error;
    });
  }
  return (await findRun(ctx.db, runId)) ?? run;
}

async function runWaves(session: Session): Promise<void> {
  const { ctx, run } = session;
  const waves = await throughOutages(session, async () => (await viewRun(ctx.db, run.id))?.waves ?? []);
  for (const wave of (waves ?? []).filter(({ status }) => status !== "done")) {
    const gate = await throughOutages(session, () => watchHealth(ctx, run));
    if (gate === undefined) return;
    try {
      if (!(await runWave(session, wave, { gate, isLast: wave === waves?.at(-1) }))) return;
    } finally {
      gate.close();
    }
  }
  if (session.isStopped()) return;
  await throughOutages(session, () => endRun(ctx.db, run));
}

interface Turn {
  readonly gate: HealthWatch;
  readonly isLast: boolean;
}

/** Works, watches, is done. False when it was stopped or paused. */
async function runWave(session: Session, wave: WaveView, turn: Turn): Promise<boolean> {
  const { ctx, run } = session;
  if (wave.status !== "baking") {
    await throughOutages(session, () => setWave(ctx.db, run.id, wave.number, "running"));
    if (!(await workThrough(session, wave, turn))) return false;
    await throughOutages(session, () => startBake(ctx.db, run.id, wave.number, run.options.bakeSeconds));
  }
  if (!(await bake(session, wave, turn))) return false;
  await throughOutages(session, () => setWave(ctx.db, run.id, wave.number, "done"));
  return true;
}

/** False when it was stopped or paused. The last wave also waits for those that were busy, and takes in who came meanwhile. */
async function workThrough(session: Session, wave: WaveView, { gate, isLast }: Turn): Promise<boolean> {
  const { ctx, run, isStopped } = session;
  for (;;) {
    await workOnce(session, wave.number, gate);
    if (isStopped()) return false;
    if (await pauseIfBad(session, wave.number, gate)) return false;
    if (!isLast) return true;
    const dueIn = await throughOutages(session, () => nextDueIn(ctx.db, run.id, wave.number));
    if (dueIn !== undefined) await sleep(Math.min(500, Math.max(20, dueIn)));
    else if ((await throughOutages(session, () => enlistNewcomers(ctx.db, run, wave.number))) === 0) return true;
  }
}

async function workOnce(session: Session, wave: number, gate: HealthWatch): Promise<void> {
  const { ctx, run, steps } = session;
  const { concurrency, lockTimeoutMs, statementTimeoutMs, busyMinutes, onError } = run.options;
  let isBad = false;
  let failed = 0;
  const onOutcome = (tenantId: number, outcome: Settled) => {
    session.onOutcome(tenantId, outcome);
    if (outcome.status !== "failed") return;
    failed += 1;
    // The canaries' and a careful run's first failure stops it; of others the share counts, which the rows know.
    if (onError === "pause" || wave === 1) isBad = true;
    else if (failed % 10 === 0)
      void judgeWave(ctx.db, run, wave).then((reason) => (isBad ||= reason !== undefined), ignore);
  };
  await work(
    ctx,
    {
      runId: run.id,
      queue: new RunQueue(ctx.db, run.id, wave),
      steps,
      idleLanes: session.idleLanes,
      busyMs: busyMinutes * 60_000,
      lockTimeoutMs,
      statementTimeoutMs,
      width: session.width,
      isStopped: () => isBad || gate.reason() !== undefined || session.isStopped(),
      onOutcome,
    },
    concurrency,
  );
}

const ignore = () => undefined;

async function pauseIfBad(session: Session, wave: number, gate: HealthWatch): Promise<boolean> {
  const { ctx, run } = session;
  const reason = (await throughOutages(session, () => judgeWave(ctx.db, run, wave))) ?? gate.reason();
  if (reason === undefined) return false;
  await throughOutages(session, () => pauseFor(ctx.db, run.id, reason));
  return true;
}

/** Watches before the next wave. False when it was stopped or paused. */
async function bake(session: Session, wave: WaveView, { gate, isLast }: Turn): Promise<boolean> {
  const { ctx, run, isStopped } = session;
  for (;;) {
    if (isStopped()) return false;
    if (gate.reason() !== undefined) break;
    const view = await throughOutages(session, () => viewRun(ctx.db, run.id));
    const until = view?.waves.find(({ number }) => number === wave.number)?.bake_until;
    if (until === null || until === undefined || until.getTime() <= Date.now()) break;
    await sleep(Math.min(500, until.getTime() - Date.now()));
  }
  // Where nobody asked for a time to watch, what was told so far has to do.
  if (!isLast) await throughOutages(session, () => gate.judge(run.options.bakeSeconds > 0));
  return !(await pauseIfBad(session, wave.number, gate));
}

/** Repeats what a lost server prevented until it is back or the run is stopped (then undefined). */
async function throughOutages<T>({ isStopped }: Session, act: () => Promise<T>): Promise<T | undefined> {
  for (;;) {
    try {
      return await act();
    } catch (error) {
      if (!isServiceDown(error)) throw error;
      if (isStopped()) return undefined;
      await sleep(250);
    }
  }
}
