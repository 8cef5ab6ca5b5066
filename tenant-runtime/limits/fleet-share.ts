/**
 * Divides a company's requests per second among the processes that serve it, by what each is asked for. About once a
 * second each process tells Redis what it was asked for and reads what all were in the second before: no request waits
 * for it, and a process that hears nothing goes by the plan alone.
 */
import { execAll, type Redis } from "../../core/redis.ts";

export interface FleetShare {
  /** A request came. Answers what this process may let through of the company's `perSecond`. */
  count(companyId: number, perSecond: number): number;
  /** Tells and reads. Never throws. */
  exchange(): Promise<void>;
  close(): void;
}

interface Demand {
  readonly mine: number;
  readonly all: number;
}

/** What came at this process between two exchanges, told under the second of the later one. */
interface Told {
  readonly second: number;
  readonly counts: ReadonlyMap<number, number>;
}

/** A process is left this much, though it was hardly asked: what it is asked for next may be more. */
const leastShare = 0.05;
const keepSeconds = 10;

/** Processes' clocks should agree to a part of a second; where they do not, each is given more than its part. */
export function openFleetShare(redis: Redis, { now = Date.now, intervalMs = 1_000 } = {}): FleetShare {
  let counted = new Map<number, number>();
  let last: Told = { second: 0, counts: counted };
  let demands: ReadonlyMap<number, Demand> = new Map();
  const exchange = async () => {
    const before = last;
    last = { second: Math.floor(now() / 1_000), counts: counted };
    counted = new Map();
    demands = await tellAndRead(redis, last, before).catch(() => new Map());
  };
  const timer = setInterval(() => void exchange(), intervalMs);
  return {
    count(companyId, perSecond) {
      counted.set(companyId, (counted.get(companyId) ?? 0) + 1);
      const demand = demands.get(companyId);
      // Within the plan nobody needs to be held to a part of it.
      if (demand === undefined || demand.all <= perSecond) return perSecond;
      return perSecond * Math.max(leastShare, Math.min(1, demand.mine / demand.all));
    },
    exchange,
    close: () => clearInterval(timer),
  };
}

/** Only of companies that this process was asked for; by now all have told of the second of `before`. */
async function tellAndRead(redis: Redis, last: Told, before: Told): Promise<ReadonlyMap<number, Demand>> {
  if (last.counts.size === 0 && before.counts.size === 0) return new Map();
  const keyOf = ({ second }: Told) => `secretaria:rate:${second}`;
  const pipeline = redis.pipeline();
  for (const [id, count] of last.counts) pipeline.hincrby(keyOf(last), String(id), count);
  pipeline.expire(keyOf(last), keepSeconds);
  const ids = [...before.counts.keys()];
  if (ids.length > 0) pipeline.hmget(keyOf(before), ...ids.map(String));
  const totals = (await execAll(pipeline)).at(-1) as (string | null)[];
  return new Map(ids.map((id, i) => [id, { mine: before.counts.get(id) ?? 0, all: Number(totals[i] ?? 0) }]));
}
