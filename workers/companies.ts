import type { WorkersContext, WorkerTenant } from "./context.ts";

const columns = ["id", "uuid", "slug", "name"] as const;

/** The company, if it is there and should be served. */
export function findActiveCompany(ctx: WorkersContext, id: number): Promise<WorkerTenant | undefined> {
  return ctx.registry("companies").where({ id, desired_state: "active" }).first(columns);
}

/** Those of the given companies that should be served. */
export async function listStillActive(ctx: WorkersContext, ids: readonly number[]): Promise<Set<number>> {
  if (ids.length === 0) return new Set();
  return new Set(await ctx.registry("companies").whereIn("id", ids).where({ desired_state: "active" }).pluck("id"));
}

/** Companies that were served before and should be served now. */
export function listServedCompanies(ctx: WorkersContext): Promise<WorkerTenant[]> {
  return ctx.registry("companies").where({ desired_state: "active" }).whereNotNull("first_active_at").select(columns);
}
