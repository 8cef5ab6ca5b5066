/**
 * Which statements are brief enough that others may be sent right behind them, before they are answered. Whoever stands
 * behind one that turns out to be long waits for it: so only what reads and locks nothing, and has been quick many times.
 */
import { LRUCache } from "lru-cache";

export interface BriefStatements {
  /** About what one takes by itself, in milliseconds; Infinity for one that is not brief, or not known well enough yet. */
  timeOf(sql: string, tenant: number): number;
  /**
   * @param ms from when it was sent until it was answered, whatever stood before it included.
   * @param before statements that stood before it.
   */
  took(sql: string, tenant: number, ms: number, before?: number): void;
}

interface Known {
  readonly reads: boolean;
  /** Quick answers in a row. */
  quick: number;
  /** What one takes by itself, about; what was answered last counts most. */
  averageMs: number;
  /** Tenants for whom it took long, and until when that is remembered: a row of one is a million rows of another. */
  readonly longUntil: Map<number, number>;
}

/** A statement that was quick so often in a row is taken for a quick one. */
const often = 16;
const quickMs = 100;
const weight = 1 / 16;
const memoryMs = 60_000;
/** More than these are forgotten together. */
const remembered = 1_000;
/** Texts of all tenants together: most come from one program. */
const texts = 1_000;

export function createBriefStatements(): BriefStatements {
  const known = new LRUCache<string, Known>({ max: texts });
  return {
    timeOf(sql, tenant) {
      const entry = known.get(sql);
      if (entry === undefined || entry.quick < often) return Infinity;
      const isLong = entry.longUntil.size > 0 && (entry.longUntil.get(tenant) ?? 0) >= performance.now();
      return isLong ? Infinity : entry.averageMs;
    },
    took(sql, tenant, ms, before = 0) {
      let entry = known.get(sql);
      if (entry === undefined) {
        entry = { reads: onlyReads(sql), quick: 0, averageMs: 0, longUntil: new Map() };
        known.set(sql, entry);
      }
      if (!entry.reads) return;
      if (ms <= quickMs) {
        entry.averageMs += (ms / (before + 1) - entry.averageMs) * weight;
        entry.quick += 1;
        return;
      }
      entry.quick = 0;
      if (entry.longUntil.size >= remembered) entry.longUntil.clear();
      entry.longUntil.set(tenant, performance.now() + memoryMs);
    },
  };
}

/** Neither waits for a row's lock, nor calls what may sleep or wait by itself. */
const onlyReads = (sql: string): boolean =>
  /^select\s/i.test(sql) && !/\bfor\s+(?:no\s+key\s+)?(?:update|share|key)\b|pg_sleep|lock/i.test(sql);
