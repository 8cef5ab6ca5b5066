import type { ControlContext } from "../context.ts";
import { restoreUsers } from "./resources/cache.ts";

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
        .whereNot({ desired_state: "deleted" })
        .pluck("company_id");
      await restoreUsers(ctx.redis, ctx.secrets, ids);
      if (ids.length > 0) ctx.log.info({ count: ids.length }, "redis users restored");
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
