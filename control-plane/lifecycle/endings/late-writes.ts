/**
 * Redis knows no lease. A process that slept longer than its own, between two steps, may have written there for a company
 * that another one removed meanwhile; it learns so from its next row, and takes back what it wrote.
 */
import { isRemoval } from "../../../core/tenant.ts";
import type { ControlContext } from "../../context.ts";
import type { LeasedTenant } from "../resource.ts";
import { cache } from "../resources/cache.ts";

/**
 * Does nothing for a company that is still wanted: who holds it now makes it right. Rows that are gone mean a rollback,
 * but for a company that lived: its registry was changed for another one, and its queue is wanted still.
 */
export async function takeBackLateWrites(ctx: ControlContext, tenant: LeasedTenant): Promise<void> {
  const company = await ctx.db("companies").where({ id: tenant.id }).first("desired_state");
  const isGone = company === undefined ? !tenant.wasActive : isRemoval(company.desired_state);
  if (isGone) await cache.destroy(ctx, tenant);
}
