import { ResourceError } from "../../../core/errors.ts";
import { isRemoval, metaKey, ownerMark } from "../../../core/tenant.ts";
import type { ControlContext } from "../../context.ts";
import type { LeasedTenant } from "../resource.ts";

/**
 * Everything under a tenant's Redis namespace is touched only while its meta carries the company's mark or nobody's.
 * @throws ResourceError `conflict` when it is another's: after ids began again, or a registry came from a backup.
 */
export async function refuseForeignNamespace(ctx: ControlContext, tenant: LeasedTenant): Promise<void> {
  if (!(await isForeignNamespace(ctx, tenant))) return;
  throw new ResourceError("conflict", "cache-foreign", `${metaKey(tenant.id)} exists and is not this company's`);
}

/** The company goes and never lived: a stranger's thing under its name was there before it, and is none of its own. */
export const leavesStrangersAlone = ({ desiredState, wasActive }: LeasedTenant): boolean =>
  isRemoval(desiredState) && !wasActive;

/** True when there is nothing of the company's own in its namespace, because all of it is a stranger's. */
export const isLeftToStranger = async (ctx: ControlContext, tenant: LeasedTenant): Promise<boolean> =>
  leavesStrangersAlone(tenant) && (await isForeignNamespace(ctx, tenant));

async function isForeignNamespace(ctx: ControlContext, tenant: LeasedTenant): Promise<boolean> {
  const mark = await ctx.redis.hget(metaKey(tenant.id), "mark");
  return mark !== null && mark !== ownerMark(tenant.uuid);
}
