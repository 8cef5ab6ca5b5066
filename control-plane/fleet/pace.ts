/** How fast a run goes, and how long its wave still takes. */
import type { RunJson } from "./run-schemas.ts";

export interface Pace {
  /** Tenants that ended in a second of the wave, whether well or not. */
  readonly perSecond: number;
  /** Until all tenants of the wave were tried, at that pace; undefined while nothing ended yet, and where tenants wait for people. */
  readonly secondsLeft: number | undefined;
}

/** Undefined for a run of which no wave is at work. */
export function paceOf(run: RunJson, now = Date.now()): Pace | undefined {
  const wave = run.waves.find(({ number }) => number === run.wave);
  if (run.status !== "running" || wave?.status !== "running" || wave.startedAt === null) return undefined;
  const seconds = Math.max(0.001, (now - Date.parse(wave.startedAt)) / 1000);
  const perSecond = (wave.done + wave.failed + wave.skipped) / seconds;
  return { perSecond, secondsLeft: perSecond > 0 && run.mode === "eager" ? wave.waiting / perSecond : undefined };
}
