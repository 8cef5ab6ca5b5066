/** The tenant's BullMQ queue. */
import { withTenantQueue } from "../../../core/queues.ts";
import { ResourceError } from "../../../core/errors.ts";
import { queuePrefix } from "../../../core/tenant.ts";
import type { Inspection, Resource } from "../resource.ts";
import { sweepKeys } from "./sweep-keys.ts";

export const queue: Resource = {
  name: "queue",
  after: [],

  async inspect(ctx, tenant): Promise<Inspection> {
    const known = await ctx.redis.hexists(`${queuePrefix(tenant.id)}:default:meta`, "version");
    return { state: known === 1 ? "present" : "absent" };
  },

  async ensure(ctx, tenant) {
    // Opening a queue writes its meta hash; resume() also undoes a pause that a suspension left.
    await withTenantQueue(ctx.queues, { companyId: tenant.id }, async (open) => {
      await open.getVersion();
      if (await open.isPaused()) await open.resume();
    });
  },

  async destroy(ctx, tenant) {
    // obliterate() leaves keys behind (a flow's parent, for one), so the prefix itself is swept.
    const left = await sweepKeys(ctx.redis, `${queuePrefix(tenant.id)}:`);
    if (left > 0)
      throw new ResourceError("transient", "queue-keys-left", `${left} keys came back while they were removed`);
  },
};
