/**
 * How many tenants at once the server bears, by how long it takes to answer a small statement: additive increase,
 * multiplicative decrease (RFC 5681, 3.1, for another queue).
 */
export interface BackPressure {
  /** Lanes that may work now, at least one. */
  readonly width: () => number;
}

/** An answer this much slower than the quickest, and slower than this at all, is a server that has too much to do. */
const tooSlow = { times: 20, ms: 250 };
const everyMs = 500;

export function backPressure(
  answerMs: () => number,
  most: number,
  now: () => number = () => performance.now(),
): BackPressure {
  let width = most;
  let quickest = Number.POSITIVE_INFINITY;
  let judgedAt = now();
  return {
    width() {
      if (now() - judgedAt < everyMs) return width;
      judgedAt = now();
      const answer = answerMs();
      if (answer > 0) quickest = Math.min(quickest, answer);
      const isSlow = answer > tooSlow.ms && answer > quickest * tooSlow.times;
      width = isSlow ? Math.max(1, Math.floor(width / 2)) : Math.min(most, width + 1);
      return width;
    },
  };
}
