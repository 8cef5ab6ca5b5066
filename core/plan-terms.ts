/** What a plan allows, read from `plans.limits`: a flat object of numbers, in which a plan of an older day lacks keys. */

export interface PlanTerms {
  /** People who may sign in. */
  readonly usersLimit: number;
  readonly storesLimit: number;
  readonly storageMb: number;
  /** Of one runtime process; short bursts of twice as many are let through. */
  readonly requestsPerSecond: number;
  /** Requests of the company that one process works on at once. */
  readonly concurrentRequests: number;
  /** Database connections of one process that the company may hold at once. */
  readonly databaseConnections: number;
  /** What one statement may take. */
  readonly statementTimeoutMs: number;
}

const defaults: PlanTerms = {
  usersLimit: Infinity,
  storesLimit: Infinity,
  storageMb: Infinity,
  requestsPerSecond: 200,
  concurrentRequests: 100,
  databaseConnections: Infinity,
  statementTimeoutMs: 15_000,
};

/** `users_limit` → `usersLimit`. What is absent or no number has its default; other keys are somebody else's. */
export function readPlanTerms(limits: Readonly<Record<string, unknown>> | null): PlanTerms {
  const named = Object.keys(defaults).map((name) => {
    const value = limits?.[name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)];
    return [name, typeof value === "number" && value >= 0 ? value : defaults[name as keyof PlanTerms]];
  });
  return Object.freeze(Object.fromEntries(named) as PlanTerms);
}
