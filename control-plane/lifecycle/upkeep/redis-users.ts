import type { ControlContext } from "../../context.ts";
import { restoreUsers } from "../resources/cache.ts";

const retryMs = 2_000;

/**
 * Redis forgets its users at a restart when it has no aclfile. Whenever the connection comes up, the users of all
 * companies that should have one are made again, in one sweep of the rows. Answers how to stop listening.
 */
export function keepRedisUsers(ctx: ControlContext): () => void {
  let again: NodeJS.Timeout | undefined;
  const restore = async () => {
    clearTimeout(again);
    try {
      const ids: number[] = await ctx
        .db("tenant_resources")
        .join("companies", "companies.id", "company_id")
        .where({ "tenant_resources.name": "cache", status: "ready" })
        .whereNotIn("desired_state", ["deleted", "rolled_back"])
        .pluck("company_id");
      await restoreUsers(ctx.redis, ctx.secrets, ids);
      if (ids.length > 0) ctx.log.info({ count: ids.length }, "redis users restored");
      await noticeLostData(ctx);
    } catch (error) {
      ctx.log.warn({ err: error }, "redis users were not restored; trying again");
      again = setTimeout(onReady, retryMs).unref();
    }
  };
  const onReady = () => void restore();
  ctx.redis.on("ready", onReady);
  if (ctx.redis.status === "ready") onReady();
  return () => {
    clearTimeout(again);
    ctx.redis.off("ready", onReady);
  };
}

const epochKey = "secretaria:epoch";

/** A Redis that lost its data has lost this key too: then namespaces and queues are made again by the loop. */
async function noticeLostData(ctx: ControlContext): Promise<void> {
  if ((await ctx.redis.set(epochKey, new Date().toISOString(), "NX")) === null) return;
  const count = await ctx
    .db("tenant_resources")
    .whereIn("name", ["cache", "queue"])
    .where({ status: "ready" })
    .whereIn("company_id", ctx.db("companies").whereIn("desired_state", ["active", "suspended"]).select("id"))
    .update({ status: "pending", next_attempt_at: ctx.db.fn.now(), attempts: 0 });
  if (count > 0) ctx.log.warn({ count }, "redis has lost its data; what tenants had there is made again");
}
