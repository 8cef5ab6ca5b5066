/** How many requests of each company this process works on right now. */
import { LRUCache } from "lru-cache";

/** A company's place, which its running requests hold. */
export interface Running {
  count: number;
}

export interface RunningRequests {
  /** Counts one more and answers where; undefined, and nothing is counted, when the company has as many as it may. */
  enter(companyId: number, most: number): Running | undefined;
  leave(running: Running): void;
}

/** Places are kept when they are empty, for making and dropping one costs more than all the rest; at most `max`. */
export function createRunningRequests({ max = 10_000 } = {}): RunningRequests {
  const places = new LRUCache<number, Running>({ max });
  return {
    enter(companyId, most) {
      let running = places.get(companyId);
      if (running === undefined) places.set(companyId, (running = { count: 0 }));
      if (running.count >= most) return undefined;
      running.count += 1;
      return running;
    },
    leave: (running) => void (running.count -= 1),
  };
}
