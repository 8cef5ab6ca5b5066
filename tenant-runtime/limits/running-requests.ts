/** How many requests of each company this process works on right now. */
export interface RunningRequests {
  /** False, and nothing is counted, when the company has as many as it may. */
  enter(companyId: number, most: number): boolean;
  leave(companyId: number): void;
}

/** Holds a number only for companies that have a request under way. */
export function createRunningRequests(): RunningRequests {
  const running = new Map<number, number>();
  return {
    enter(companyId, most) {
      const count = running.get(companyId) ?? 0;
      if (count >= most) return false;
      running.set(companyId, count + 1);
      return true;
    },
    leave(companyId) {
      const count = running.get(companyId) ?? 0;
      if (count > 1) running.set(companyId, count - 1);
      else running.delete(companyId);
    },
  };
}
