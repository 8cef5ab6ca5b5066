/** What was read from the registry, for as long as it may be believed. */
import { LRUCache } from "lru-cache";
import { isServiceDown } from "../../core/errors.ts";
import type { RegistrySubscriber } from "../../core/registry-listener.ts";

export interface Found<T> {
  readonly companyId: number;
  readonly value: T;
}

export interface RegistryCache<T> extends RegistrySubscriber {
  /**
   * The value, or undefined when the registry knows none. Callers that miss together share one question. While the
   * registry does not answer, what is kept and was not announced as changed is served. @throws what the registry throws
   * when nothing is kept.
   */
  get(key: string): Promise<T | undefined>;
}

export interface RegistryCacheOptions<T> {
  readonly max: number;
  readonly ttlMs: number;
  readonly load: (key: string) => Promise<Found<T> | undefined>;
}

interface Entry<T> {
  readonly found: Found<T> | undefined;
  /** The number of changes announced when the question was asked: an answer is as old as its question. */
  readonly seen: number;
  readonly askedAt: number;
}

const missingTtlMs = 5_000;
/** How long an answer is believed while nobody would tell of a change. */
const deafTtlMs = 1_000;
const buckets = 4096;

export function createRegistryCache<T>({ max, ttlMs, load }: RegistryCacheOptions<T>): RegistryCache<T> {
  const found = new LRUCache<string, Entry<T>>({ max, ttl: ttlMs });
  // Apart, so that a flood of made-up hosts drives out no tenant.
  const missing = new LRUCache<string, Entry<T>>({ max: 10_000, ttl: missingTtlMs });
  const asking = new Map<string, { seen: number; answer: Promise<Entry<T>> }>();
  // Companies share buckets: a neighbour's change costs one lookup more, and nothing grows with the fleet.
  const changedAt = new Float64Array(buckets);
  let changes = 0;
  let trustedFrom = Number.POSITIVE_INFINITY;

  const isOutdated = ({ found: hit, seen }: Entry<T>) =>
    hit === undefined ? seen < changes : seen < (changedAt[hit.companyId % buckets] ?? 0);
  const isFresh = (entry: Entry<T>) =>
    !isOutdated(entry) && (entry.seen >= trustedFrom || performance.now() - entry.askedAt < deafTtlMs);

  const ask = async (key: string, seen: number): Promise<Entry<T>> => {
    const askedAt = performance.now();
    const entry = { found: await load(key), seen, askedAt };
    const newest = found.peek(key) ?? missing.peek(key);
    if (newest !== undefined && newest.seen > seen) return entry;
    found.delete(key);
    missing.delete(key);
    (entry.found === undefined ? missing : found).set(key, entry);
    return entry;
  };

  /** Joins a question that is under way, unless something changed since it was asked. */
  const askOnce = (key: string): Promise<Entry<T>> => {
    const running = asking.get(key);
    if (running?.seen === changes) return running.answer;
    const mine = { seen: changes, answer: ask(key, changes) };
    asking.set(key, mine);
    const forget = () => void (asking.get(key) === mine && asking.delete(key));
    mine.answer.then(forget, forget);
    return mine.answer;
  };

  return {
    async get(key) {
      const known = found.get(key) ?? missing.get(key);
      if (known !== undefined && isFresh(known)) return known.found?.value;
      try {
        return (await askOnce(key)).found?.value;
      } catch (error) {
        if (known === undefined || isOutdated(known) || !isServiceDown(error)) throw error;
        return known.found?.value;
      }
    },
    changed: (companyId) => void (changedAt[companyId % buckets] = ++changes),
    lost: () => void (trustedFrom = Number.POSITIVE_INFINITY),
    restored: () => void (trustedFrom = ++changes),
  };
}
