import { messageOf } from "../core/errors.ts";
import { withoutUrls } from "../core/logger.ts";
import type { TenancyContext } from "./context.ts";
import type { Check, Health } from "./health.ts";

/** Asks both servers. Throws nothing. */
export async function checkHealth(ctx: TenancyContext): Promise<Health> {
  const [database, redis] = await Promise.all([
    check(() => ctx.registry.raw("SELECT 1")),
    check(() => ctx.redis.ping()),
  ]);
  return { ok: database.ok && redis.ok, database, redis, registryChanges: { ok: ctx.listener.isListening() } };
}

async function check(ask: () => PromiseLike<unknown>): Promise<Check> {
  try {
    await ask();
    return { ok: true };
  } catch (error) {
    return { ok: false, error: withoutUrls(messageOf(error)) };
  }
}
