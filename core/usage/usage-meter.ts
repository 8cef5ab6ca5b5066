/**
 * What companies use, added up in this process and handed to Redis every few seconds, where the sums of all processes
 * wait for the control plane. A process that is killed loses what it had not handed over; what Redis could not take
 * stays for the next time.
 */
import { randomUUID } from "node:crypto";
import { isServiceDown } from "../errors.ts";
import type { Logger } from "../logger.ts";
import type { Redis } from "../redis.ts";
import { addToCounters, type UsageEntry } from "./usage-counters.ts";
import { noUsage, usageNames, utcDay, type Usage, type UsageName } from "./usage.ts";

export interface UsageMeter {
  /** Counts for the company and the day that it is now, in UTC; a day ends with the first handing over after it. */
  add(companyId: number, name: UsageName, n: number): void;
  /** The same for one request and its bytes. */
  addRequest(companyId: number, bytesIn: number, bytesOut: number): void;
  /** Hands over what was counted. Never throws; each count arrives once, however often its way there fails. */
  flush(): Promise<void>;
  /** Hands over a last time. */
  close(): Promise<void>;
}

/** Counts that could not be handed over are dropped when the day after theirs is over: the day is settled then. */
const settledAfterDays = 1;
/** Companies in one message: requests wait while it is put together. */
const atOnce = 100;

export function openUsageMeter(redis: Redis, log: Logger, { flushMs }: { flushMs: number }): UsageMeter {
  const open = new Map<number, UsageEntry>();
  /** Of days that are over. */
  let past: UsageEntry[] = [];
  /** On the way: sent again as they are until Redis says that it has them, so that nothing is counted twice. */
  let sent: UsageEntry[] = [];
  const source = randomUUID();
  let batch = 0;
  /** Looked at when counts are handed over: asking a clock costs more than counting. */
  let day = utcDay();
  let flushing: Promise<void> = Promise.resolve();
  let isDown = false;

  const seal = () => {
    const entries = [...past, ...open.values()];
    past = [];
    open.clear();
    batch += 1;
    return entries;
  };
  const takeBack = (entry: UsageEntry) => {
    const current = open.get(entry.companyId);
    if (current === undefined) open.set(entry.companyId, entry);
    else if (current.day !== entry.day) past.push(entry);
    else for (const name of usageNames) current.counts[name] += entry.counts[name];
  };
  const handOver = async () => {
    day = utcDay();
    const waiting = (sent.length === 0 ? seal() : sent).filter((entry) => entry.day >= day - settledAfterDays);
    sent = waiting;
    if (waiting.length === 0) return;
    const refused: UsageEntry[] = [];
    let told = 0;
    try {
      while (told < waiting.length) {
        const part = waiting.slice(told, told + atOnce);
        const { failed, homeless } = await addToCounters(redis, part, `${source}:${batch}`);
        told += part.length;
        refused.push(...failed);
        homeless.forEach(takeBack);
      }
      isDown = false;
    } catch (error) {
      const level = isDown || isServiceDown(error) ? "debug" : "warn";
      log[level]({ err: error }, "usage was not handed over; the next time does it");
      isDown = true;
    }
    sent = [...refused, ...waiting.slice(told)];
  };
  /** Where is counted for the company now; handed over with the next batch, so nobody keeps it. */
  const countsOf = (companyId: number): Usage => {
    let entry = open.get(companyId);
    if (entry === undefined || entry.day !== day) {
      if (entry !== undefined) past.push(entry);
      open.set(companyId, (entry = { companyId, day, counts: noUsage() }));
    }
    return entry.counts;
  };
  const flush = () => (flushing = flushing.then(handOver));
  const timer = setInterval(() => void flush(), flushMs);
  return {
    add: (companyId, name, n) => void (countsOf(companyId)[name] += n),
    addRequest(companyId, bytesIn, bytesOut) {
      const counts = countsOf(companyId);
      counts.requests += 1;
      counts.bytes_in += bytesIn;
      counts.bytes_out += bytesOut;
    },
    flush,
    async close() {
      clearInterval(timer);
      await flush();
      // What came while the one before was on its way.
      await flush();
    },
  };
}
