/** Rows of runs in the shapes of run-schemas.ts. */
import type { ResultRow, RunRow, RunView, WaveView } from "./run-store.ts";
import type { ResultJson, RunCounts, RunJson, RunSummaryJson } from "./run-schemas.ts";

export function presentRunSummary(row: RunRow): RunSummaryJson {
  const { id, direction, target, mode, status, wave, coordinator, options } = row;
  return {
    id,
    direction,
    target,
    mode,
    status,
    wave,
    pauseReason: row.pause_reason,
    requestedBy: row.requested_by,
    coordinator,
    options: { ...options },
    createdAt: row.created_at.toISOString(),
    finishedAt: isoOf(row.finished_at),
  };
}

/** With all waves, and the counts of all of them added up. */
export function presentRun(view: RunView): RunJson {
  return {
    ...presentRunSummary(view),
    ...addUp(view.waves),
    waves: view.waves.map((wave) => ({
      number: wave.number,
      name: wave.name,
      status: wave.status,
      startedAt: isoOf(wave.started_at),
      bakeUntil: isoOf(wave.bake_until),
      finishedAt: isoOf(wave.finished_at),
      ...addUp([wave]),
    })),
  };
}

/** @param slugs of the companies among the tenants, by id. */
export function presentResult(row: ResultRow, slugs: ReadonlyMap<number, string>): ResultJson {
  return {
    tenantId: row.tenant_id,
    slug: slugs.get(row.tenant_id) ?? null,
    wave: row.wave,
    status: row.status,
    fromVersion: row.from_version,
    toVersion: row.to_version,
    attempts: row.attempts,
    nextAttemptAt: row.status === "waiting" && row.attempts > 0 ? isoOf(row.next_attempt_at) : null,
    durationMs: row.duration_ms,
    error: row.error,
    finishedAt: isoOf(row.finished_at),
  };
}

function addUp(waves: readonly WaveView[]): RunCounts {
  const sum = (name: keyof RunCounts) => waves.reduce((total, wave) => total + wave[name], 0);
  return {
    tenants: sum("tenants"),
    done: sum("done"),
    failed: sum("failed"),
    skipped: sum("skipped"),
    waiting: sum("waiting"),
    busy: sum("busy"),
  };
}

/** PostgreSQL's `-infinity`, which is no Date, is no moment. */
const isoOf = (when: Date | null): string | null => (when instanceof Date ? when.toISOString() : null);
