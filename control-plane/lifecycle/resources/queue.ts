/** The tenant's BullMQ queue. */
import { withTenantQueue } from "../../../core/queues.ts";
import { ResourceError } from "../../../core/errors.ts";
import { queuePrefix } from "../../../core/tenant.ts";
import type { Inspection, LeasedTenant, Resource } from "../resource.ts";
import { isLeftToStranger, refuseForeignNamespace } from "./namespace-mark.ts";
import { sweepKeys } from "./sweep-keys.ts";

export const queue: Resource = {
  name: "queue",
  after: [],
  holdsData: true,
  followsSuspension: true,

  async inspect(ctx, tenant): Promise<Inspection> {
    if (await isLeftToStranger(ctx, tenant)) return { state: "absent" };
    const meta = `${queuePrefix(tenant.id)}:default:meta`;
    const [version, paused] = await ctx.redis.hmget(meta, "version", "paused");
    if (!version) return { state: "absent" };
    if ((paused === "1") === isPausedState(tenant)) return { state: "present" };
    return { state: "drifted", why: [paused ? "the queue is paused" : "the queue is not paused"] };
  },

  async ensure(ctx, tenant) {
    await refuseForeignNamespace(ctx, tenant);
    // Opening a queue writes its meta hash.
    await withTenantQueue(ctx.queues, { companyId: tenant.id }, async (open) => {
      await open.getVersion();
      if (isPausedState(tenant)) await open.pause();
      else if (await open.isPaused()) await open.resume();
    });
  },

  async destroy(ctx, tenant) {
    if (await isLeftToStranger(ctx, tenant)) return;
    await refuseForeignNamespace(ctx, tenant);
    // obliterate() leaves keys behind (a flow's parent, for one), so the prefix itself is swept.
    const left = await sweepKeys(ctx.redis, `${queuePrefix(tenant.id)}:`);
    if (left > 0)
      throw new ResourceError("transient", "queue-keys-left", `${left} keys came back while they were removed`);
  },
};

/** Jobs of a company that is not served are kept and wait. */
const isPausedState = (tenant: LeasedTenant): boolean => tenant.desiredState !== "active";
