/** What the requests of this process and the keeper of its pool tell each other. */
import { setTimeout as sleep } from "node:timers/promises";

/** What a spare must look like for a provisioning to take it. */
export interface Claimable {
  readonly version: string;
  /** Tables, sequences and views of the schema, without partitions. */
  readonly relations: number;
}

export interface WarmPool {
  /** Undefined until the keeper knows it, and where no pool is kept: then nothing is taken. */
  claimable: Claimable | undefined;
  /** Companies created by this process, by where their schema came from. */
  readonly provisions: { warm: number; cold: number };
  /** Runs a provisioning; while one runs the pool is not refilled. */
  provisioning<T>(work: () => Promise<T>): Promise<T>;
  /** Counts a company that was created, and wakes the keeper. */
  created(source: "warm" | "cold"): void;
  /** Resolves when no provisioning has run for a moment, or after `atMostMs`. */
  quiet(atMostMs: number): Promise<void>;
  /** Resolves after `ms`, or at once when it was woken since the last wait. */
  wait(ms: number): Promise<void>;
  wake(): void;
}

/** What goes on after an answer (hosts, certificate, worker) takes about as long. */
const quietMs = 100;

export function createWarmPool(): WarmPool {
  const provisions = { warm: 0, cold: 0 };
  let running = 0;
  let endedAt = -Infinity;
  let woken = new AbortController();
  return {
    claimable: undefined,
    provisions,
    async provisioning(work) {
      running += 1;
      try {
        return await work();
      } finally {
        running -= 1;
        endedAt = performance.now();
      }
    },
    created(source) {
      provisions[source] += 1;
      woken.abort();
    },
    async quiet(atMostMs) {
      const deadline = performance.now() + atMostMs;
      const isQuiet = () => running === 0 && performance.now() - endedAt >= quietMs;
      while (!isQuiet() && performance.now() < deadline) await sleep(quietMs / 4);
    },
    async wait(ms) {
      await sleep(ms, undefined, { signal: woken.signal }).catch(() => undefined);
      if (woken.signal.aborted) woken = new AbortController();
    },
    wake: () => woken.abort(),
  };
}
