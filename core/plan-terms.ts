/** What a plan allows, read from `plans.limits`: a flat object of numbers, in which a plan of an older day lacks keys. */

/** `pooled`: connections shared by all, hardened where the server allows it; `dedicated`: a login and few connections of its own. */
export type PlanIsolation = "pooled" | "dedicated";

export interface PlanTerms {
  /** Of the plan itself, not of its limits. */
  readonly isolation: PlanIsolation;
  /** People who may sign in. */
  readonly usersLimit: number;
  readonly storesLimit: number;
  readonly storageMb: number;
  /** Of all runtime processes together, about; short bursts of twice as many are let through. */
  readonly requestsPerSecond: number;
  /** Requests of the company that one process works on at once. */
  readonly concurrentRequests: number;
  /** Database connections of one process that the company may hold at once. */
  readonly databaseConnections: number;
  /** What one statement may take. */
  readonly statementTimeoutMs: number;
}

const defaults: Omit<PlanTerms, "isolation"> = {
  usersLimit: Infinity,
  storesLimit: Infinity,
  storageMb: Infinity,
  requestsPerSecond: 200,
  concurrentRequests: 100,
  databaseConnections: Infinity,
  statementTimeoutMs: 15_000,
};

/** `users_limit` → `usersLimit`. What is absent or no number has its default; other keys are somebody else's. */
export function readPlanTerms(
  limits: Readonly<Record<string, unknown>> | null,
  isolation: PlanIsolation = "pooled",
): PlanTerms {
  const named = Object.keys(defaults).map((name) => {
    const value = limits?.[name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)];
    return [name, typeof value === "number" && value >= 0 ? value : defaults[name as keyof typeof defaults]];
  });
  return Object.freeze({ ...Object.fromEntries(named), isolation } as PlanTerms);
}
