/**
 * Requests per second of each company: a bucket that holds two seconds' worth and fills steadily (GCRA). A company is one
 * number, the moment at which its bucket is full again; there are no timers.
 */
import { LRUCache } from "lru-cache";

export interface Taken {
  readonly isAllowed: boolean;
  /** What the bucket holds when it is full, and the seconds that this takes. */
  readonly quota: number;
  readonly windowSeconds: number;
  /** What is left after this request, and the seconds until the bucket is full again. */
  readonly remaining: number;
  readonly fullInSeconds: number;
  /** When the next request would be let through, at least 1; 0 for one that is. */
  readonly retryAfterSeconds: number;
}

export interface RequestRate {
  take(companyId: number, perSecond: number): Taken;
}

const burstSeconds = 2;
/** Fractions of a request that binary numbers lose on the way. */
const tolerance = 1e-3;
/** What a company waits whose plan allows nothing at all. */
const neverSeconds = 3_600;

/** Companies beyond `max` drive out who was quiet for longest, whose bucket is then taken for full. */
export function createRequestRate({ max = 10_000, now = () => performance.now() } = {}): RequestRate {
  const buckets = new LRUCache<number, { fullAt: number }>({ max });
  return {
    take(companyId, perSecond) {
      if (perSecond <= 0) return nothing;
      const time = now();
      let bucket = buckets.get(companyId);
      if (bucket === undefined) buckets.set(companyId, (bucket = { fullAt: time }));
      const quota = Math.max(1, Math.floor(burstSeconds * perSecond));
      const missing = Math.max(0, ((bucket.fullAt - time) / 1000) * perSecond) + 1;
      const isAllowed = missing <= quota + tolerance;
      if (isAllowed) bucket.fullAt = time + (missing / perSecond) * 1000;
      const taken = isAllowed ? missing : missing - 1;
      return {
        isAllowed,
        quota,
        windowSeconds: Math.ceil(quota / perSecond - tolerance),
        remaining: Math.max(0, Math.floor(quota - taken + tolerance)),
        fullInSeconds: Math.ceil(taken / perSecond - tolerance),
        retryAfterSeconds: isAllowed ? 0 : Math.max(1, Math.ceil((missing - quota) / perSecond)),
      };
    },
  };
}

const nothing: Taken = {
  isAllowed: false,
  quota: 0,
  windowSeconds: burstSeconds,
  remaining: 0,
  fullInSeconds: neverSeconds,
  retryAfterSeconds: neverSeconds,
};
