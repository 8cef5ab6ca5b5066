/**
 * Divides a company's requests per second among the processes that serve it, by what each is asked for. About once a
 * second each process tells Redis what it was asked for and reads what all were in the second before: no request waits
 * for it, and a process that hears nothing goes by the plan alone.
 */
import type { Redis } from "../../core/redis.ts";

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

/** Adds to the second's hash; what is one command for a company would be more work for this process than for Redis. */
const tellScript = `
for i = 2, #ARGV, 2 do redis.call('hincrby', KEYS[1], ARGV[i], ARGV[i + 1]) end
return redis.call('expire', KEYS[1], ARGV[1])`;

const keyOf = ({ second }: Told): string => `secretaria:rate:${second}`;

/** Only of companies that this process was asked for; by now all have told of the second of `before`. */
async function tellAndRead(redis: Redis, last: Told, before: Told): Promise<ReadonlyMap<number, Demand>> {
  for (const part of partsOf([...last.counts]))
    await redis.eval(tellScript, 1, keyOf(last), keepSeconds, ...part.flat());
  const demands = new Map<number, Demand>();
  for (const part of partsOf([...before.counts])) {
    const totals = await redis.hmget(keyOf(before), ...part.map(([id]) => String(id)));
    part.forEach(([id, mine], i) => demands.set(id, { mine, all: Number(totals[i] ?? 0) }));
  }
  return demands;
}

/** Requests wait while a message is put together: none is of more companies than this. */
const atOnce = 500;

const partsOf = <T>(items: readonly T[]): T[][] =>
  Array.from({ length: Math.ceil(items.length / atOnce) }, (_, i) => items.slice(i * atOnce, (i + 1) * atOnce));
