/** What belongs to nobody, and who lacks what is theirs: both ways, by reading PostgreSQL and Redis as they are. */
import { redisNamespace, redisUser, roleName, schemaName } from "../../../core/tenant.ts";
import type { ControlContext } from "../../context.ts";

export interface OrphanReport {
  /** Schemas and roles named like a tenant's whose company is deleted or was never there. */
  readonly schemas: readonly string[];
  readonly roles: readonly string[];
  /** Ids in Redis namespaces, and Redis users, without a company that should have them. */
  readonly namespaces: readonly string[];
  readonly redisUsers: readonly string[];
  /** Hosts that still answer, and certificates kept, for companies that are deleted. */
  readonly hosts: readonly string[];
  readonly certificates: readonly number[];
  /** Companies for which a thing is marked ready and is not there. */
  readonly withoutSchema: readonly number[];
  readonly withoutRole: readonly number[];
  readonly withoutRedisUser: readonly number[];
  readonly withoutNamespace: readonly number[];
}

/** Changes nothing. Companies that are being made or removed right now may show; ask again when nothing runs. */
export async function findOrphans(ctx: ControlContext): Promise<OrphanReport> {
  const [living, spare, ready] = await Promise.all([
    ctx.db("companies").whereNotIn("desired_state", removals).pluck("id") as Promise<number[]>,
    ctx.db("spare_tenants").pluck("id") as Promise<number[]>,
    readyCompanies(ctx),
  ]);
  const kept = new Set([...living, ...spare]);
  const [schemas, roles, users, namespaces, hosts, certificates] = await Promise.all([
    pluck(ctx, "SELECT nspname AS name FROM pg_namespace WHERE nspname ~ '^tenant_[0-9]+$'"),
    pluck(ctx, "SELECT rolname AS name FROM pg_roles WHERE rolname ~ '^tenant_[0-9]+$'"),
    ctx.redis.call("ACL", "USERS") as Promise<string[]>,
    scanNamespaces(ctx),
    ofRemoved(ctx, "domains").whereNot({ domain_status: "removed" }).pluck("host") as Promise<string[]>,
    ofRemoved(ctx, "certificates").pluck("certificates.id") as Promise<number[]>,
  ]);
  const belongs = (name: string) => kept.has(Number(/^tenant_(\d+)$/.exec(name)?.[1]));
  const without = (resource: string, there: readonly string[], nameOf: (id: number) => string) => {
    const present = new Set(there);
    return (ready.get(resource) ?? []).filter((id) => !present.has(nameOf(id)));
  };
  return {
    schemas: schemas.filter((name) => !belongs(name)),
    roles: roles.filter((name) => !belongs(name)),
    namespaces: namespaces.filter((id) => !kept.has(id)).map(redisNamespace),
    redisUsers: users.filter(
      (name) => /^tenant_\d+$/.test(name) && !belongs(name) && name === redisUser(Number(name.slice(7))),
    ),
    hosts,
    certificates,
    withoutSchema: without("database", schemas, schemaName),
    withoutRole: without("database", roles, roleName),
    withoutRedisUser: without("cache", users, redisUser),
    withoutNamespace: without("cache", namespaces.map(redisNamespace), redisNamespace),
  };
}

/** True when nothing is out of place. */
export const isClean = (report: OrphanReport): boolean => Object.values(report).every((list) => list.length === 0);

const removals = ["deleted", "rolled_back"];

/** Ids of living companies by what is marked ready for them. */
async function readyCompanies(ctx: ControlContext): Promise<ReadonlyMap<string, number[]>> {
  const rows: { name: string; company_id: number }[] = await ctx
    .db("tenant_resources")
    .join("companies", "companies.id", "company_id")
    .whereNotIn("desired_state", removals)
    .whereIn("tenant_resources.name", ["database", "cache"])
    .where({ status: "ready" })
    .select("tenant_resources.name", "company_id");
  const idsOf = (resource: string) => rows.filter(({ name }) => name === resource).map((row) => row.company_id);
  return new Map(["database", "cache"].map((resource) => [resource, idsOf(resource)]));
}

const ofRemoved = (ctx: ControlContext, table: "domains" | "certificates") =>
  ctx.db(table).join("companies", "companies.id", "company_id").whereIn("desired_state", removals);

async function pluck(ctx: ControlContext, sql: string): Promise<string[]> {
  const { rows } = await ctx.db.raw<{ rows: { name: string }[] }>(sql);
  return rows.map(({ name }) => name);
}

/** Ids of all namespaces that hold a key. Walks the whole keyspace without blocking it. */
async function scanNamespaces(ctx: ControlContext): Promise<number[]> {
  const ids = new Set<number>();
  let cursor = "0";
  do {
    const [next, keys] = await ctx.redis.scan(cursor, "MATCH", "tenant:{*", "COUNT", 1000);
    cursor = next;
    for (const key of keys) ids.add(Number(/^tenant:\{(\d+)\}:/.exec(key)?.[1]));
  } while (cursor !== "0");
  return [...ids].filter((id) => Number.isSafeInteger(id) && id > 0);
}
