/** What was read from the registry, for as long as it may be believed. */
import { setTimeout as sleep } from "node:timers/promises";
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
   * registry does not answer, a value that is kept and was not announced as changed is served for `staleMs` more.
   * @throws what the registry throws when there is none: that it knows nothing is not believed of a silent registry.
   */
  get(key: string): Promise<T | undefined>;
  /** The value when it is known and may be believed as it is: most requests need not wait for a promise. */
  fresh(key: string): T | undefined;
}

export interface RegistryCacheOptions<T> {
  readonly max: number;
  readonly ttlMs: number;
  readonly staleMs: number;
  readonly load: (key: string) => Promise<Found<T> | undefined>;
}

interface Entry<T> {
  readonly found: Found<T> | undefined;
  /** The number of changes announced when the question was asked: an answer is as old as its question. */
  readonly seen: number;
  readonly askedAt: number;
  /** Not all that was asked at the same moment is asked again at the same moment. */
  readonly freshMs: number;
}

/** Every change is announced: this is only for what somebody changed behind the triggers' back. */
export const believedMs = 600_000;

const missingTtlMs = 5_000;
/** How long an answer is believed while nobody would tell of a change. */
const deafTtlMs = 200;
/** How long a request waits for a registry that may be silent, when there is something to serve without it. */
const patienceMs = 300;
/** After it kept one waiting, others are not made to wait for so long. */
const restMs = 250;
const buckets = 4096;

export function createRegistryCache<T>({ max, ttlMs, staleMs, load }: RegistryCacheOptions<T>): RegistryCache<T> {
  // Neither has a time limit of its own, which would cost timers and a second look at the clock: `lookUp` keeps to it.
  const found = new LRUCache<string, Entry<T>>({ max });
  // Apart, so that a flood of made-up hosts drives out no tenant.
  const missing = new LRUCache<string, Entry<T>>({ max: 10_000 });
  const asking = new Map<string, { seen: number; answer: Promise<Entry<T>> }>();
  // Companies share buckets: a neighbour's change costs one lookup more, and nothing grows with the fleet.
  const changedAt = new Float64Array(buckets);
  let changes = 0;
  let trustedFrom = Number.POSITIVE_INFINITY;
  let lostAt = 0;
  let restUntil = 0;

  const isOutdated = ({ found: hit, seen }: Entry<T>) =>
    hit === undefined ? seen < changes : seen < (changedAt[hit.companyId % buckets] ?? 0);
  /** Whatever changed since it was asked about was announced. */
  const isVouchedFor = ({ seen }: Entry<T>) => seen >= trustedFrom;
  const isFresh = (entry: Entry<T>) =>
    !isOutdated(entry) && performance.now() - entry.askedAt < (isVouchedFor(entry) ? entry.freshMs : deafTtlMs);

  const lookUp = (key: string): Entry<T> | undefined => {
    const known = found.get(key) ?? missing.get(key);
    if (known === undefined) return undefined;
    const believedUntil = isVouchedFor(known) ? known.askedAt + ttlMs : Math.max(known.askedAt, lostAt);
    const keptUntil = known.found === undefined ? known.askedAt + missingTtlMs : believedUntil + staleMs;
    return performance.now() < keptUntil ? known : undefined;
  };

  const ask = async (key: string, seen: number): Promise<Entry<T>> => {
    const askedAt = performance.now();
    const answer = await load(key);
    const entry = { found: answer, seen, askedAt, freshMs: ttlMs * (1 - Math.random() / 4) };
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

  /** The newer answer, or `known` where none comes in time. */
  const askOrKeep = async (key: string, known: Entry<T>): Promise<Entry<T>> => {
    if (performance.now() < restUntil) return known;
    const answer = askOnce(key);
    const inTime = await withinPatience(answer).catch((error: unknown) => {
      if (!isServiceDown(error)) throw error;
      return undefined;
    });
    if (inTime !== undefined) return inTime;
    restUntil = performance.now() + restMs;
    // Announced as changed while it was asked about: only the registry can say what it is now.
    return isOutdated(known) ? answer : known;
  };

  return {
    async get(key) {
      const known = lookUp(key);
      if (known !== undefined && isFresh(known)) return known.found?.value;
      const isOfUse = known?.found !== undefined && !isOutdated(known);
      return (await (isOfUse ? askOrKeep(key, known) : askOnce(key))).found?.value;
    },
    fresh(key) {
      const known = found.get(key);
      return known !== undefined && isFresh(known) ? known.found?.value : undefined;
    },
    changed: (companyId) => void (changedAt[companyId % buckets] = ++changes),
    lost() {
      if (trustedFrom !== Number.POSITIVE_INFINITY) lostAt = performance.now();
      trustedFrom = Number.POSITIVE_INFINITY;
    },
    restored: () => void (trustedFrom = ++changes),
  };
}

/** Undefined when the answer is late. @throws what the answer throws. */
async function withinPatience<T>(answer: Promise<T>): Promise<T | undefined> {
  const over = new AbortController();
  const late = sleep(patienceMs, undefined, { signal: over.signal }).catch(() => undefined);
  try {
    return await Promise.race([answer, late]);
  } finally {
    over.abort();
  }
}
