/** What belongs to nobody, and who lacks what is theirs: both ways, by reading PostgreSQL and Redis as they are. */
import { redisNamespace, redisUser, schemaName } from "../../core/tenant.ts";
import type { ControlContext } from "../context.ts";

export interface OrphanReport {
  /** Schemas and roles named like a tenant's whose company is deleted or was never there. */
  readonly schemas: readonly string[];
  readonly roles: readonly string[];
  /** Ids in Redis namespaces, and Redis users, without a company that should have them. */
  readonly namespaces: readonly string[];
  readonly redisUsers: readonly string[];
  /** Companies whose database is marked ready and whose schema is not there. */
  readonly withoutSchema: readonly number[];
  /** Certificates kept for deleted companies. */
  readonly certificates: readonly number[];
}

/** Changes nothing. Companies that are being made or removed right now may show; ask again when nothing runs. */
export async function findOrphans(ctx: ControlContext): Promise<OrphanReport> {
  const kept = new Set<number>(
    await ctx.db("companies").whereNotIn("desired_state", ["deleted", "rolled_back"]).pluck("id"),
  );
  const belongs = (name: string) => kept.has(Number(/^tenant_(\d+)$/.exec(name)?.[1]));
  const [schemas, roles, users, namespaces] = await Promise.all([
    pluck(ctx, "SELECT nspname AS name FROM pg_namespace WHERE nspname ~ '^tenant_[0-9]+$'"),
    pluck(ctx, "SELECT rolname AS name FROM pg_roles WHERE rolname ~ '^tenant_[0-9]+$'"),
    ctx.redis.call("ACL", "USERS") as Promise<string[]>,
    scanNamespaces(ctx),
  ]);
  const present = new Set(schemas);
  const ready: number[] = await ctx
    .db("tenant_resources")
    .where({ name: "database", status: "ready" })
    .pluck("company_id");
  return {
    schemas: schemas.filter((name) => !belongs(name)),
    roles: roles.filter((name) => !belongs(name)),
    namespaces: namespaces.filter((id) => !kept.has(id)).map(redisNamespace),
    redisUsers: users.filter(
      (name) => /^tenant_\d+$/.test(name) && !belongs(name) && name === redisUser(Number(name.slice(7))),
    ),
    withoutSchema: ready.filter((id) => kept.has(id) && !present.has(schemaName(id))),
    certificates: await ctx
      .db("certificates")
      .join("companies", "companies.id", "company_id")
      .where({ desired_state: "deleted" })
      .pluck("certificates.id"),
  };
}

/** True when nothing is out of place. */
export const isClean = (report: OrphanReport): boolean => Object.values(report).every((list) => list.length === 0);

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
  return [...ids].filter(Number.isSafeInteger);
}
