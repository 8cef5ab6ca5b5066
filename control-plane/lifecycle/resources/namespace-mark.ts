import { ResourceError } from "../../../core/errors.ts";
import { metaKey, ownerMark } from "../../../core/tenant.ts";
import type { ControlContext } from "../../context.ts";
import type { LeasedTenant } from "../resource.ts";

/**
 * Everything under a tenant's Redis namespace is touched only while its meta carries the company's mark or nobody's.
 * @throws ResourceError `conflict` when it is another's: after ids began again, or a registry came from a backup.
 */
export async function refuseForeignNamespace(ctx: ControlContext, tenant: LeasedTenant): Promise<void> {
  const mark = await ctx.redis.hget(metaKey(tenant.id), "mark");
  if (mark === null || mark === ownerMark(tenant.uuid)) return;
  throw new ResourceError("conflict", "cache-foreign", `${metaKey(tenant.id)} exists and is not this company's`);
}
