import { readPlanTerms, type PlanIsolation, type PlanTerms } from "../core/plan-terms.ts";
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

/** What the company's plan allows now: it may have changed since its worker was started. */
export async function readTerms(ctx: WorkersContext, id: number): Promise<PlanTerms> {
  const plan: { limits: Record<string, unknown>; isolation: PlanIsolation } | undefined = await ctx
    .registry("subscriptions")
    .join("plans", "plans.id", "plan_id")
    .where({ company_id: id })
    .first("limits", "isolation");
  return readPlanTerms(plan?.limits ?? null, plan?.isolation);
}

/** Companies that were served before and should be served now. */
export function listServedCompanies(ctx: WorkersContext): Promise<WorkerTenant[]> {
  return ctx.registry("companies").where({ desired_state: "active" }).whereNotNull("first_active_at").select(columns);
}
