/** The tenant's schema with all its tables, and the role that may use them and owns nothing. */
import pg from "pg";
import { sendBatch } from "../../../core/db.ts";
import { ResourceError } from "../../../core/errors.ts";
import { compiledMigrations } from "../../../core/migrations/compile.ts";
import { migrateTenant } from "../../../core/migrations/run.ts";
import {
  grantStatements,
  roleStatements,
  runtimeRole,
  schemaStatements,
} from "../../../core/migrations/tenant-schema.ts";
import { ownerMark, roleName, schemaName } from "../../../core/tenant.ts";
import type { ControlContext } from "../../context.ts";
import { crashPoint } from "../crash-point.ts";
import { LeaseLost } from "../lease.ts";
import type { Inspection, LeasedTenant, Resource } from "../resource.ts";

export const database: Resource = {
  name: "database",
  after: [],
  holdsData: true,

  async inspect(ctx, tenant): Promise<Inspection> {
    const facts = await readFacts(ctx, tenant);
    if (!facts.schema && !facts.role) return { state: "absent" };
    const why = await driftOf(ctx, tenant, facts);
    return why.length === 0 ? { state: "present" } : { state: "drifted", why };
  },

  async ensure(ctx, tenant) {
    const facts = await readFacts(ctx, tenant);
    refuseForeign(facts, tenant);
    if (!facts.schema) {
      const role = facts.role ? [] : roleStatements(tenant);
      await sendFenced(ctx, tenant, [...role, ...(await schemaStatements(tenant))]);
      return;
    }
    const repairs = [
      ...(facts.role ? [] : [...roleStatements(tenant), ...grantStatements(tenant), ...regrant(tenant)]),
      ...(facts.role && !facts.member ? [`GRANT ${pg.escapeIdentifier(roleName(tenant.id))} TO ${runtimeRole}`] : []),
    ];
    if (repairs.length > 0) await sendFenced(ctx, tenant, repairs);
    if ((await missingMigrations(ctx, tenant)).length > 0) await migrateTenant(ctx.databaseUrl, tenant);
  },

  async destroy(ctx, tenant) {
    const facts = await readFacts(ctx, tenant);
    refuseForeign(facts, tenant);
    if (facts.schema) await dropSchema(ctx, tenant);
    crashPoint(ctx, "deleted.database.between");
    // The role owned nothing, and its grants went with the schema.
    if (facts.role) await sendFenced(ctx, tenant, [`DROP ROLE ${pg.escapeIdentifier(roleName(tenant.id))}`]);
  },
};

interface Facts {
  readonly schema: boolean;
  readonly schema_mark: string | null;
  readonly role: boolean;
  readonly role_mark: string | null;
  /** The runtime's pool role may take on the tenant's role. */
  readonly member: boolean;
}

async function readFacts(ctx: ControlContext, tenant: LeasedTenant): Promise<Facts> {
  const { rows } = await ctx.db.raw<{ rows: Facts[] }>(
    `SELECT n.oid IS NOT NULL AS schema, obj_description(n.oid, 'pg_namespace') AS schema_mark,
            r.oid IS NOT NULL AS role, shobj_description(r.oid, 'pg_authid') AS role_mark,
            EXISTS (SELECT FROM pg_auth_members m WHERE m.roleid = r.oid
                    AND m.member = (SELECT oid FROM pg_roles WHERE rolname = :runtimeRole)) AS member
     FROM (SELECT) AS one
     LEFT JOIN pg_namespace n ON n.nspname = :schema
     LEFT JOIN pg_roles r ON r.rolname = :role`,
    { schema: schemaName(tenant.id), role: roleName(tenant.id), runtimeRole },
  );
  return rows[0] as Facts;
}

function refuseForeign(facts: Facts, tenant: LeasedTenant): void {
  const mark = ownerMark(tenant.uuid);
  const foreign = [
    ...(facts.schema && facts.schema_mark !== mark ? [`schema ${schemaName(tenant.id)}`] : []),
    ...(facts.role && facts.role_mark !== mark ? [`role ${roleName(tenant.id)}`] : []),
  ];
  if (foreign.length === 0) return;
  throw new ResourceError(
    "conflict",
    "database-foreign",
    `${foreign.join(" and ")} exists and is not this company's; look at its comment`,
  );
}

async function driftOf(ctx: ControlContext, tenant: LeasedTenant, facts: Facts): Promise<string[]> {
  const mark = ownerMark(tenant.uuid);
  if (!facts.schema) return ["the role is there, the schema is not"];
  const missing = facts.schema_mark === mark ? await missingMigrations(ctx, tenant) : [];
  return [
    ...(facts.schema_mark === mark ? [] : ["the schema carries another mark"]),
    ...(facts.role ? [] : ["the role is missing"]),
    ...(facts.role && facts.role_mark !== mark ? ["the role carries another mark"] : []),
    ...(facts.role && !facts.member ? ["the runtime may not use the role"] : []),
    ...missing.map((name) => `migration ${name} was not applied`),
  ];
}

async function missingMigrations(ctx: ControlContext, tenant: LeasedTenant): Promise<string[]> {
  const applied = new Set<string>(await ctx.db.withSchema(schemaName(tenant.id)).from("knex_migrations").pluck("name"));
  return (await compiledMigrations("tenant")).map(({ name }) => name).filter((name) => !applied.has(name));
}

/** The lease is share-locked inside the same transaction: who lost the tenant can change nothing of it. */
async function sendFenced(ctx: ControlContext, tenant: LeasedTenant, statements: readonly string[]): Promise<void> {
  try {
    await sendBatch(ctx.ddl, [`SELECT public.assert_lease(${tenant.id}, ${tenant.fence})`, ...statements]);
  } catch (error) {
    if ((error as { code?: string }).code === "SE001") throw new LeaseLost(tenant.id);
    throw error;
  }
}

/** For a role that has to be made again under tables that are there. */
function regrant(tenant: LeasedTenant): string[] {
  const schema = pg.escapeIdentifier(schemaName(tenant.id));
  const role = pg.escapeIdentifier(roleName(tenant.id));
  return [
    `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${schema} TO ${role}`,
    `GRANT USAGE ON ALL SEQUENCES IN SCHEMA ${schema} TO ${role}`,
    `REVOKE ALL ON ${schema}.knex_migrations, ${schema}.knex_migrations_lock FROM ${role}`,
  ];
}

/** In chunks: dropping hundreds of relations at once takes more locks than the server's lock table has room for. */
async function dropSchema(ctx: ControlContext, tenant: LeasedTenant): Promise<void> {
  const schema = schemaName(tenant.id);
  // Partitions first: a parent would take all of its own with it in one transaction.
  const tables: string[] = await ctx
    .db("pg_class")
    .whereRaw("relnamespace = to_regnamespace(?) AND relkind IN ('r', 'p')", [pg.escapeIdentifier(schema)])
    .orderBy("relispartition", "desc")
    .pluck("relname");
  const quoted = tables.map((table) => `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(table)}`);
  for (let start = 0; start < quoted.length; start += 10) {
    await sendFenced(ctx, tenant, [`DROP TABLE IF EXISTS ${quoted.slice(start, start + 10).join(", ")} CASCADE`]);
    crashPoint(ctx, "deleted.database.chunk");
  }
  await sendFenced(ctx, tenant, [`DROP SCHEMA IF EXISTS ${pg.escapeIdentifier(schema)} CASCADE`]);
}
