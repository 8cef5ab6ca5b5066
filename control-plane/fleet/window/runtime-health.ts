/** Whether requests of tenants fail more since a run, or one of its waves, began. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Knex } from "../../../core/db.ts";

/** What the living runtimes had answered at a moment, each since it started. */
export interface HealthSnapshot {
  readonly at: Date;
  readonly runtimes: readonly RuntimeCounts[];
}

export interface RuntimeCounts {
  readonly id: string;
  readonly requests: number;
  readonly serverErrors: number;
  readonly seenAt: Date;
}

export interface HealthOptions {
  /** By how much the share of 5xx may be above the share before: 0.02 is two in a hundred. */
  readonly maxRuntimeErrorRate?: number;
  /** Fewer requests are no share. */
  readonly minRequests?: number;
}

export interface AnswerShare {
  readonly requests: number;
  readonly serverErrors: number;
  /** Of all requests, 0 to 1; 0 where there was none. */
  readonly share: number;
}

export type HealthVerdict = { readonly ok: true } | { readonly pause: string };

/** As of each runtime's last beat, which is up to PROCESS_HEARTBEAT_SECONDS old. */
export async function readHealth(db: Knex): Promise<HealthSnapshot> {
  const { rows } = await db.raw<{ rows: (Omit<RuntimeCounts, "seenAt"> & { now: Date; seen_at: Date })[] }>(
    `SELECT now() AS now, id, requests, server_errors AS "serverErrors", seen_at FROM living_processes
     WHERE kind = 'runtime' ORDER BY started_at`,
  );
  const runtimes = rows.map(({ id, requests, serverErrors, seen_at }) => ({
    id,
    requests,
    serverErrors,
    seenAt: seen_at,
  }));
  return { at: rows[0]?.now ?? new Date(), runtimes };
}

/** Waits until all that happened before this call is in it: for a beat of every living runtime, or the end of a silent one. */
export async function readSettledHealth(db: Knex, signal?: AbortSignal): Promise<HealthSnapshot> {
  const { at } = await readHealth(db);
  for (;;) {
    const health = await readHealth(db);
    if (signal?.aborted === true || health.runtimes.every(({ seenAt }) => seenAt >= at)) return health;
    await sleep(200);
  }
}

/** What was answered between two moments by those that live at the second; one that started between them counts whole. */
export function answersBetween(before: HealthSnapshot, after: HealthSnapshot): AnswerShare {
  const known = new Map(before.runtimes.map((runtime) => [runtime.id, runtime]));
  const since = after.runtimes.map(({ id, requests, serverErrors }) => ({
    requests: requests - (known.get(id)?.requests ?? 0),
    serverErrors: serverErrors - (known.get(id)?.serverErrors ?? 0),
  }));
  return add(since);
}

/** The share before is that of each runtime's whole life until then. */
export function judgeHealth(before: HealthSnapshot, after: HealthSnapshot, options: HealthOptions = {}): HealthVerdict {
  const { maxRuntimeErrorRate = 0.02, minRequests = 100 } = options;
  const usual = add(before.runtimes);
  const now = answersBetween(before, after);
  if (now.requests < minRequests) return { ok: true };
  const baseline = usual.requests < minRequests ? 0 : usual.share;
  if (now.share <= baseline + maxRuntimeErrorRate) return { ok: true };
  const { requests, serverErrors, share } = now;
  return {
    pause: `the runtime answers ${percent(share)} of requests with 5xx (${serverErrors} of ${requests}), ${percent(baseline)} before`,
  };
}

function add(counts: readonly Pick<RuntimeCounts, "requests" | "serverErrors">[]): AnswerShare {
  const requests = counts.reduce((sum, count) => sum + count.requests, 0);
  const serverErrors = counts.reduce((sum, count) => sum + count.serverErrors, 0);
  return { requests, serverErrors, share: requests === 0 ? 0 : serverErrors / requests };
}

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
