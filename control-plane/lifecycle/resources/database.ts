/** The tenant's schema with all its tables, and the role that may use them and owns nothing. */
import pg from "pg";
import { sendBatch } from "../../../core/db.ts";
import { ResourceError } from "../../../core/errors.ts";
import { recordApplied, refuseEditedHistory } from "../../../core/migrations/applied.ts";
import { compiledMigrations } from "../../../core/migrations/compile.ts";
import { makeSchema } from "../../../core/migrations/make-schema.ts";
import {
  grantStatements,
  roleStatements,
  runtimeRole,
  type SchemaOwner,
} from "../../../core/migrations/tenant-schema.ts";
import { ownerMark, roleName, schemaName } from "../../../core/tenant.ts";
import type { ControlContext } from "../../context.ts";
import { bringToHead } from "../../fleet/bring-to-head.ts";
import { refuseEarlyContract } from "../../fleet/window/claim-window.ts";
import { crashPoint } from "../crash-point.ts";
import { LeaseLost } from "../lease.ts";
import type { Inspection, LeasedTenant, Resource } from "../resource.ts";
import { describeDrift } from "./database-drift.ts";
import { leavesStrangersAlone } from "./namespace-mark.ts";
import { dropSchema } from "./drop-schema.ts";
import { giveLogin, hasPassword, ownSettings, takeLogin } from "./own-login.ts";

export const database: Resource = {
  name: "database",
  after: [],
  holdsData: true,

  async inspect(ctx, tenant): Promise<Inspection> {
    const facts = ownFacts(await readFacts(ctx, tenant), tenant);
    if (!facts.schema && !facts.role) return { state: "absent" };
    return driftOf(ctx, tenant, facts);
  },

  async ensure(ctx, tenant) {
    const facts = await readFacts(ctx, tenant);
    refuseForeign(facts, tenant);
    if (!facts.schema) {
      refuseLostData(tenant);
      const role = facts.role ? [] : roleStatements(tenant);
      const after = await loginStatements(ctx, tenant, facts);
      await refuseEditedHistory(ctx.ddl, "tenant");
      await asHolder(tenant, () => makeSchema(ctx.ddl, tenant, { before: [assertLease(tenant), ...role], after }));
      await recordApplied(ctx.ddl, "tenant");
      return;
    }
    const repairs = [
      ...(facts.role ? [] : [...roleStatements(tenant), ...grantStatements(tenant), ...regrant(tenant)]),
      ...(facts.role && !facts.member ? [`GRANT ${pg.escapeIdentifier(roleName(tenant.id))} TO ${runtimeRole}`] : []),
      ...(await loginStatements(ctx, tenant, facts)),
    ];
    if (repairs.length > 0) await sendFenced(ctx, tenant, repairs);
    const { missing } = await compareMigrations(ctx, tenant);
    if (missing.length === 0) return;
    await refuseEarlyContract(ctx.db, missing);
    await bringToHead(ctx, tenant);
  },

  async destroy(ctx, tenant) {
    const facts = ownFacts(await readFacts(ctx, tenant), tenant);
    refuseForeign(facts, tenant);
    if (facts.schema) {
      await dropSchema(ctx, tenant.id, async (statements) => {
        await sendFenced(ctx, tenant, statements);
        crashPoint(ctx, "deleted.database.chunk");
      });
    }
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
  /** The role has the settings that come with a password of its own. */
  readonly own_login: boolean;
}

/** What is there under the names of a company, or of a spare. */
export async function readFacts(ctx: ControlContext, tenant: Pick<SchemaOwner, "id">): Promise<Facts> {
  const { rows } = await ctx.db.raw<{ rows: Facts[] }>(
    `SELECT n.oid IS NOT NULL AS schema, obj_description(n.oid, 'pg_namespace') AS schema_mark,
            r.oid IS NOT NULL AS role, shobj_description(r.oid, 'pg_authid') AS role_mark,
            EXISTS (SELECT FROM pg_auth_members m WHERE m.roleid = r.oid
                    AND m.member = (SELECT oid FROM pg_roles WHERE rolname = :runtimeRole)) AS member,
            coalesce(r.rolconfig @> CAST(:ownSettings AS text[]), false) AS own_login
     FROM (SELECT) AS one
     LEFT JOIN pg_namespace n ON n.nspname = :schema
     LEFT JOIN pg_roles r ON r.rolname = :role`,
    { schema: schemaName(tenant.id), role: roleName(tenant.id), runtimeRole, ownSettings: ownSettings(tenant) },
  );
  return rows[0] as Facts;
}

/** The password is set again with every call: only a superuser sees whether it is still there. */
async function loginStatements(ctx: ControlContext, tenant: LeasedTenant, facts: Facts): Promise<string[]> {
  if (tenant.isolation === "dedicated") return giveLogin(ctx, tenant);
  return facts.own_login || (facts.role && (await hasPassword(ctx, tenant)) === true) ? takeLogin(tenant) : [];
}

/** Of a company that never lived and goes, what carries another mark was never its own: it stays, and is not missed. */
function ownFacts(facts: Facts, tenant: LeasedTenant): Facts {
  if (!leavesStrangersAlone(tenant)) return facts;
  const mark = ownerMark(tenant.uuid);
  const [schema, role] = [facts.schema && facts.schema_mark === mark, facts.role && facts.role_mark === mark];
  return { ...facts, schema, role };
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

/** A company that lived had data: a new, empty schema in their place would look as if all was well. */
function refuseLostData(tenant: LeasedTenant): void {
  if (!tenant.wasActive) return;
  throw new ResourceError(
    "conflict",
    "database-missing",
    `schema ${schemaName(tenant.id)} is gone and is never made anew, empty: restore it from a backup under that name, ` +
      "or import the company's last export, then retry",
  );
}

async function driftOf(ctx: ControlContext, tenant: LeasedTenant, facts: Facts): Promise<Inspection> {
  const mark = ownerMark(tenant.uuid);
  if (!facts.schema) {
    const ensuring = tenant.wasActive ? "refuses" : "mends";
    return { state: "drifted", why: ["the role is there, the schema is not"], ensuring };
  }
  const foreign = [
    ...(facts.schema_mark === mark ? [] : ["the schema carries another mark"]),
    ...(facts.role && facts.role_mark !== mark ? ["the role carries another mark"] : []),
  ];
  // What is another's is not read any further.
  if (foreign.length > 0) return { state: "drifted", why: foreign };
  const migrations = await compareMigrations(ctx, tenant).catch((error: unknown) => {
    if ((error as { code?: unknown }).code !== undefinedTable) throw error;
    return undefined;
  });
  if (migrations === undefined) return { state: "drifted", why: ["- relation knex_migrations"] };
  const { missing, unknown } = migrations;
  const atHead = missing.length === 0 && unknown.length === 0;
  const lost = [
    ...(facts.role ? [] : ["the role is missing"]),
    ...(facts.role && !facts.member ? ["the runtime may not use the role"] : []),
    ...(facts.role ? await describeLogin(ctx, tenant, facts) : []),
  ];
  const why = [
    ...lost,
    ...missing.map((name) => `migration ${name} was not applied`),
    ...unknown.map((name) => `migration ${name} is not known here`),
    ...(await describeDrift(ctx, tenant, { hasRole: facts.role, atHead })),
  ];
  if (why.length === 0) return { state: "present" };
  // Roles are not in a dump of one database: after a restore on a new server all of them are missing.
  return { state: "drifted", why, ...(lost.length > 0 && missing.length === 0 ? { ensuring: "mends" } : {}) };
}

/** How the role's login differs from what the plan asks for; `ensure` mends both. */
async function describeLogin(ctx: ControlContext, tenant: LeasedTenant, facts: Facts): Promise<string[]> {
  const password = (await hasPassword(ctx, tenant)) ?? facts.own_login;
  const has = facts.own_login || password;
  if (tenant.isolation === "dedicated")
    return facts.own_login && password ? [] : ["the role has no login of its own, which the plan asks for"];
  return has ? ["the role has a login of its own, which the plan does not ask for"] : [];
}

const undefinedTable = "42P01";

/** `missing` were not applied, `unknown` were applied by a newer version, or by hand. */
async function compareMigrations(
  ctx: ControlContext,
  tenant: LeasedTenant,
): Promise<{ missing: string[]; unknown: string[] }> {
  const applied = new Set<string>(await ctx.db.withSchema(schemaName(tenant.id)).from("knex_migrations").pluck("name"));
  const known = new Set((await compiledMigrations("tenant")).map(({ name }) => name));
  return {
    missing: [...known].filter((name) => !applied.has(name)),
    unknown: [...applied].filter((name) => !known.has(name)),
  };
}

/** The lease is share-locked inside the same transaction: who lost the tenant can change nothing of it. */
const sendFenced = (ctx: ControlContext, tenant: LeasedTenant, statements: readonly string[]): Promise<void> =>
  asHolder(tenant, () => sendBatch(ctx.ddl, [assertLease(tenant), ...statements]));

const assertLease = ({ id, fence }: LeasedTenant): string => `SELECT public.assert_lease(${id}, ${fence})`;

/** @throws LeaseLost where the work found that the lease is another's. */
async function asHolder(tenant: LeasedTenant, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if ((error as { code?: string }).code === "SE001") throw new LeaseLost(tenant.id);
    throw error;
  }
}

/** For a role that has to be made again under tables that are there. */
export function regrant(tenant: Pick<LeasedTenant, "id">): string[] {
  const schema = pg.escapeIdentifier(schemaName(tenant.id));
  const role = pg.escapeIdentifier(roleName(tenant.id));
  return [
    `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${schema} TO ${role}`,
    `GRANT USAGE ON ALL SEQUENCES IN SCHEMA ${schema} TO ${role}`,
    `REVOKE ALL ON ${schema}.knex_migrations, ${schema}.knex_migrations_lock FROM ${role}`,
    `REVOKE ALL ON SEQUENCE ${schema}.knex_migrations_id_seq, ${schema}.knex_migrations_lock_index_seq FROM ${role}`,
  ];
}
