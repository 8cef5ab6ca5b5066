/** Follows one tenant's event stream on a connection of its own, for a blocked connection can do nothing else. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Redis } from "../core/redis.ts";
import { eventStreamKey } from "../core/tenant.ts";

export interface TenantEvent {
  /** Of the stream entry; grows from event to event. */
  readonly id: string;
  readonly type: string;
  readonly conversationId: string;
  readonly data: string;
}

type Entry = [id: string, fields: string[]];

/** One answer of a blocked read; shorter than `readerTimeoutMs`, so that a silent connection is noticed. */
const blockMs = 20_000;
export const readerTimeoutMs = 30_000;
const replayAtMost = 1_000;

/** Id of the newest event, `0-0` when there was none. */
export async function newestEventId(redis: Redis, companyId: number): Promise<string> {
  const [newest] = await redis.xrevrange(eventStreamKey(companyId), "+", "-", "COUNT", 1);
  return newest?.[0] ?? "0-0";
}

/** Events after `id`, oldest first, a thousand at most. */
export async function eventsAfter(redis: Redis, companyId: number, id: string): Promise<TenantEvent[]> {
  return (await redis.xrange(eventStreamKey(companyId), `(${id}`, "+", "COUNT", replayAtMost)).map(toEvent);
}

/**
 * Calls `deliver` for each event after `from`, in order, until closed. A lost server is waited for, and what it stored
 * meanwhile is delivered. `redis` is the reader's own: it is disconnected on close.
 */
export function followEvents(
  redis: Redis,
  companyId: number,
  { from, deliver }: { from: string; deliver: (event: TenantEvent) => void },
): { close(): void } {
  const stop = new AbortController();
  let last = from;
  const follow = async () => {
    while (!stop.signal.aborted) {
      const key = eventStreamKey(companyId);
      const reply = await redis
        .xread("COUNT", 100, "BLOCK", blockMs, "STREAMS", key, last)
        .catch(() => "failed" as const);
      if (stop.signal.aborted) return;
      if (reply === "failed") {
        redis.disconnect(true);
        await sleep(500);
        continue;
      }
      const events = (reply?.[0]?.[1] ?? []).map(toEvent);
      last = events.at(-1)?.id ?? last;
      events.forEach(deliver);
    }
  };
  void follow();
  return {
    close() {
      stop.abort();
      redis.disconnect();
    },
  };
}

function toEvent([id, fields]: Entry): TenantEvent {
  const field = (name: string) => {
    const at = fields.findIndex((text, i) => i % 2 === 0 && text === name);
    return at < 0 ? "" : (fields[at + 1] ?? "");
  };
  return { id, type: field("type"), conversationId: field("conversationId"), data: field("data") };
}

export const eventIdPattern = /^\d{1,15}-\d{1,15}$/;

/** Negative, zero or positive as `a` is older than, the same as or newer than `b`. */
export function compareEventIds(a: string, b: string): number {
  const [aMs, aSeq] = a.split("-").map(Number) as [number, number];
  const [bMs, bSeq] = b.split("-").map(Number) as [number, number];
  return aMs - bMs || aSeq - bSeq;
}
