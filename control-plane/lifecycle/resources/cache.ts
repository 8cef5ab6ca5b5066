/** The tenant's Redis user, which can touch its own namespace only, and the namespace's meta hash. */
import { ResourceError } from "../../../core/errors.ts";
import { execAll, type Redis } from "../../../core/redis.ts";
import { sha256Hex, type Secrets } from "../../../core/secrets.ts";
import {
  metaKey,
  ownerMark,
  queueLabel,
  redisNamespace,
  redisUser,
  schemaName,
  tenantHost,
} from "../../../core/tenant.ts";
import { redisPassword } from "../../../core/tenant-secrets.ts";
import { crashPoint } from "../crash-point.ts";
import type { ControlContext } from "../../context.ts";
import type { Inspection, LeasedTenant, Resource } from "../resource.ts";
import { isLeftToStranger, refuseForeignNamespace } from "./namespace-mark.ts";
import { sweepKeys } from "./sweep-keys.ts";

export const cache: Resource = {
  name: "cache",
  after: [],
  holdsData: true,

  async inspect(ctx, tenant): Promise<Inspection> {
    if (await isLeftToStranger(ctx, tenant)) return { state: "absent" };
    const [mark, user] = await execAll(
      ctx.redis.pipeline().hget(metaKey(tenant.id), "mark").call("ACL", "GETUSER", redisUser(tenant.id)),
    );
    if (mark === null && user === null) return { state: "absent" };
    const why = [
      ...(mark === ownerMark(tenant.uuid) ? [] : ["the namespace's meta is missing or another company's"]),
      ...(user === null ? ["the Redis user is missing"] : userDrift(asRecord(user), tenant.id, ctx.secrets)),
    ];
    return why.length === 0 ? { state: "present" } : { state: "drifted", why };
  },

  async ensure(ctx, tenant) {
    await refuseForeignNamespace(ctx, tenant);
    await refuseForeignUser(ctx, tenant);
    await execAll(
      ctx.redis
        .pipeline()
        .call("ACL", "SETUSER", redisUser(tenant.id), ...aclRules(tenant.id, ctx.secrets))
        .hset(metaKey(tenant.id), metaOf(tenant)),
    );
  },

  async destroy(ctx, tenant) {
    if (await isLeftToStranger(ctx, tenant)) return;
    await refuseForeignNamespace(ctx, tenant);
    // The user first: a worker that is still there can write nothing behind the sweep.
    await ctx.redis.call("ACL", "DELUSER", redisUser(tenant.id));
    crashPoint(ctx, "deleted.cache.between");
    const left = await sweepKeys(ctx.redis, redisNamespace(tenant.id));
    if (left > 0)
      throw new ResourceError("transient", "cache-keys-left", `${left} keys came back while they were removed`);
  },
};

/** Everything BullMQ needs and nothing that reaches beyond the namespace: findings, "Redis and BullMQ" 1. */
export function aclRules(companyId: number, secrets: Secrets): string[] {
  const allowed = "+@read +@write +@connection +@scripting +@blocking +@transaction -@dangerous +info";
  const denied = "-scan -randomkey -dbsize -select -script|flush -script|kill -function";
  return [
    "reset",
    "on",
    // Only the hash travels, so that MONITOR and the slow log never show the password.
    `#${sha256Hex(redisPassword(secrets, companyId))}`,
    `~${redisNamespace(companyId)}*`,
    "resetchannels",
    "-@all",
    ...allowed.split(" "),
    ...denied.split(" "),
  ];
}

/** Users of all given tenants in one go: Redis forgets them at a restart when it has no aclfile. */
export async function restoreUsers(redis: Redis, secrets: Secrets, companyIds: readonly number[]): Promise<void> {
  for (let start = 0; start < companyIds.length; start += 500) {
    const pipeline = redis.pipeline();
    for (const id of companyIds.slice(start, start + 500))
      pipeline.call("ACL", "SETUSER", redisUser(id), ...aclRules(id, secrets));
    await execAll(pipeline);
  }
}

/**
 * A user of the tenant's name that was there before its namespace: somebody else's, unless it has our password.
 * @throws ResourceError `conflict`.
 */
async function refuseForeignUser(ctx: ControlContext, tenant: LeasedTenant): Promise<void> {
  const [known, user] = await execAll(
    ctx.redis.pipeline().exists(metaKey(tenant.id)).call("ACL", "GETUSER", redisUser(tenant.id)),
  );
  if (known === 1 || user === null) return;
  const passwords = asRecord(user)["passwords"] as string[];
  if (passwords.includes(sha256Hex(redisPassword(ctx.secrets, tenant.id)))) return;
  throw new ResourceError("conflict", "cache-foreign", `the Redis user ${redisUser(tenant.id)} is not this company's`);
}

function userDrift(user: Record<string, unknown>, companyId: number, secrets: Secrets): string[] {
  const flags = user["flags"] as string[];
  const passwords = user["passwords"] as string[];
  return [
    ...(flags.includes("on") ? [] : ["the Redis user is off"]),
    ...(flags.includes("nopass") ? ["the Redis user needs no password"] : []),
    ...(passwords.join() === sha256Hex(redisPassword(secrets, companyId))
      ? []
      : ["the Redis user has another password"]),
    ...(user["keys"] === `~${redisNamespace(companyId)}*` ? [] : ["the Redis user reaches other keys"]),
    ...(user["channels"] === "" ? [] : ["the Redis user reaches channels"]),
  ];
}

function metaOf(tenant: LeasedTenant): Record<string, string> {
  return {
    mark: ownerMark(tenant.uuid),
    slug: tenant.slug,
    name: tenant.name,
    plan: tenant.plan,
    schema: schemaName(tenant.id),
    queue: queueLabel(tenant.id),
    chatHost: tenantHost("chat", tenant.slug, tenant.baseDomain),
    apiHost: tenantHost("api", tenant.slug, tenant.baseDomain),
  };
}

/** ACL GETUSER answers a flat list of names and values. */
function asRecord(reply: unknown): Record<string, unknown> {
  const flat = reply as unknown[];
  return Object.fromEntries(Array.from({ length: flat.length / 2 }, (_, i) => [String(flat[2 * i]), flat[2 * i + 1]]));
}
