/** Whether what the runtime stands on answers now. */
import { messageOf } from "../core/errors.ts";
import { withoutUrls } from "../core/logger.ts";
import type { TenancyContext } from "./context.ts";

export interface Check {
  readonly ok: boolean;
  /** Why not, without secrets. */
  readonly error?: string;
}

export interface Health {
  /** PostgreSQL and Redis answer. */
  readonly ok: boolean;
  readonly database: Check;
  readonly redis: Check;
  /** Not ok: changes of tenants are not announced now, and are looked for every second instead. */
  readonly registryChanges: Check;
}

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
