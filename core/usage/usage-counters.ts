/** The counters in Redis: `tenant:{id}:usage:<yyyymmdd>` for each company and day, and who has one, for each day. */
import { createHash } from "node:crypto";
import type { Redis } from "../redis.ts";
import { metaKey, usageKey } from "../tenant.ts";
import { dateOfDay, noUsage, usageNames, type Usage } from "./usage.ts";

export interface UsageEntry {
  readonly companyId: number;
  /** Days since 1970, UTC. */
  readonly day: number;
  readonly counts: Usage;
}

export interface UsageReading extends UsageEntry {
  /** Another one whenever the counter began again at zero, e.g. after Redis lost its data. */
  readonly counter: string;
}

const keepSeconds = 40 * 86_400;
/** Longest that days wait for a control plane: their counters are gone after it. */
export const keptDays = 40;

const keyOf = ({ companyId, day }: Pick<UsageEntry, "companyId" | "day">) =>
  usageKey(companyId, dateOfDay(day).replaceAll("-", ""));
const companiesKey = (day: number): string => `secretaria:usage:${dateOfDay(day).replaceAll("-", "")}`;

/**
 * 0: the company has no namespace (it is removed, or Redis lost it), and nothing is made in its place. The batch's number
 * stays with the counter: a batch whose answer got lost is sent again and adds nothing.
 */
const addScript = `
if redis.call('exists', KEYS[1]) == 0 then return 0 end
if tonumber(redis.call('hget', KEYS[2], ARGV[1]) or 0) >= tonumber(ARGV[2]) then return 1 end
redis.call('hsetnx', KEYS[2], 'counter', ARGV[1] .. ':' .. ARGV[2])
redis.call('hset', KEYS[2], ARGV[1], ARGV[2])
for i = 3, #ARGV, 2 do redis.call('hincrby', KEYS[2], ARGV[i], ARGV[i + 1]) end
redis.call('expire', KEYS[2], ${keepSeconds})
return 1`;
const addSha = createHash("sha1").update(addScript).digest("hex");

/**
 * Adds the entries in one round trip; safe to repeat with the same `batch`, `<source>:<growing number>`.
 * Answers those that Redis refused, and those whose company has no namespace. @throws when Redis is away.
 */
export async function addToCounters(
  redis: Redis,
  entries: readonly UsageEntry[],
  batch: string,
): Promise<{ failed: UsageEntry[]; homeless: UsageEntry[] }> {
  const [source = "", number = ""] = batch.split(":");
  const pipeline = redis.pipeline().script("LOAD", addScript);
  for (const entry of entries) {
    const counts = usageNames.flatMap((name) => (entry.counts[name] === 0 ? [] : [name, entry.counts[name]]));
    pipeline.evalsha(addSha, 2, metaKey(entry.companyId), keyOf(entry), source, number, ...counts);
  }
  const days = [...new Set(entries.map(({ day }) => day))];
  for (const day of days) {
    const ids = entries.filter((entry) => entry.day === day).map(({ companyId }) => companyId);
    pipeline.sadd(companiesKey(day), ...ids).expire(companiesKey(day), keepSeconds);
  }
  const replies = (await pipeline.exec()) ?? [];
  // Who is not on the day's list is never collected.
  const listed = replies.slice(entries.length + 1).find(([error]) => error !== null)?.[0];
  if (replies.length === 0 || listed) throw listed ?? new Error("Connection is closed.");
  return {
    failed: entries.filter((_, i) => replies[i + 1]?.[0] !== null),
    homeless: entries.filter((_, i) => replies[i + 1]?.[0] === null && replies[i + 1]?.[1] === 0),
  };
}

/** Companies with a counter of that day. */
export const listCounted = async (redis: Redis, day: number): Promise<number[]> =>
  (await redis.smembers(companiesKey(day))).map(Number);

/** What the counters say now; those that are gone or are no counters are left out. */
export async function readCounters(redis: Redis, day: number, companyIds: readonly number[]): Promise<UsageReading[]> {
  const pipeline = redis.pipeline();
  for (const companyId of companyIds) pipeline.hmget(keyOf({ companyId, day }), "counter", ...usageNames);
  const replies = (await pipeline.exec()) ?? [];
  return companyIds.flatMap((companyId, i) => {
    const [error, values] = replies[i] ?? [];
    const [counter, ...counts] = (error ? [] : values) as (string | null)[];
    return typeof counter === "string"
      ? [{ companyId, day, counter: counter.slice(0, 80), counts: toUsage(counts) }]
      : [];
  });
}

/** Forgets a day that is settled and stored. */
export async function dropCounters(redis: Redis, day: number, companyIds: readonly number[]): Promise<void> {
  const pipeline = redis.pipeline();
  for (const companyId of companyIds) pipeline.unlink(keyOf({ companyId, day })).srem(companiesKey(day), companyId);
  await pipeline.exec();
}

/** The key lies in the company's namespace, where its jobs may write: what is no count is none. */
function toUsage(values: readonly (string | null)[]): Usage {
  const usage = noUsage();
  usageNames.forEach((name, i) => {
    const count = Number(values[i]);
    if (Number.isSafeInteger(count) && count > 0) usage[name] = count;
  });
  return usage;
}
