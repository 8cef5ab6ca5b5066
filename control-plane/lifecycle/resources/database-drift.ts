/** How a tenant's schema and rights differ from what the migrations made: lines to read, nothing that changes anything. */
import { openDatabase, type Knex } from "../../../core/db.ts";
import { fingerprintDiff, ofSchema, schemaFingerprint } from "../../../core/migrations/fingerprint.ts";
import { referenceFingerprint } from "../../../core/migrations/reference.ts";
import { runtimeRole } from "../../../core/migrations/tenant-schema.ts";
import { roleName, schemaName, type Tenant } from "../../../core/tenant.ts";
import type { ControlContext } from "../../context.ts";

export interface DriftQuestion {
  /** Without its role every grant is missing: that is said once, not once for each table. */
  readonly hasRole: boolean;
  /** All migrations were applied and no others: only then there is something to hold the schema against. */
  readonly atHead: boolean;
  /** Settings of the role that are as they should be, or were spoken of already. */
  readonly ownSettings: readonly string[];
}

const mostLines = 50;
const longestLine = 300;

/**
 * `+ grant customers PUBLIC SELECT`, `- column users.email text …`: `+` is there and should not be, `-` should be there
 * and is not. At most fifty lines and how many more there are.
 * The connection is its own and ends here: a server process keeps for ever what it once read of a catalog, and
 * inspections read that of the whole fleet.
 */
export async function describeDrift(
  ctx: ControlContext,
  tenant: Pick<Tenant, "id">,
  { hasRole, atHead, ownSettings }: DriftQuestion,
): Promise<string[]> {
  const schema = schemaName(tenant.id);
  const db = openDatabase(ctx.databaseUrl, { name: "secretaria inspection", max: 1 });
  try {
    const shape = atHead ? fingerprintDiff(await referenceFingerprint(db), await schemaFingerprint(db, schema)) : [];
    const rights = await readRights(db, tenant, ownSettings);
    const lines = [...shape, ...rights].filter((line) => hasRole || !line.startsWith("- grant"));
    return shorten(lines.map((line) => line.replaceAll("<schema>", schema)));
  } finally {
    await db.destroy();
  }
}

function shorten(lines: readonly string[]): string[] {
  const kept = lines.slice(0, mostLines).map((line) => line.replace(/\s+/g, " ").slice(0, longestLine));
  const more = lines.length - kept.length;
  return more > 0 ? [...kept, `… and ${more} more`] : kept;
}

async function readRights(db: Knex, { id }: Pick<Tenant, "id">, ownSettings: readonly string[]): Promise<string[]> {
  const { rows } = await db.raw<{ rows: { line: string }[] }>(rightsQuery, {
    schema: schemaName(id),
    role: roleName(id),
    runtimeRole,
    ownSettings,
  });
  return rows.map(({ line }) => line);
}

const grantee = "CASE acl.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(acl.grantee) END";
const privilege = "acl.privilege_type || CASE WHEN acl.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END";
/** The tenant's role, with what it is given everywhere. */
const given = (privileges: string): string =>
  `(acl.grantee = (SELECT oid FROM role) AND acl.privilege_type IN (${privileges}) AND NOT acl.is_grantable)`;
const dml = "'SELECT','INSERT','UPDATE','DELETE'";

// What the fingerprint cannot show: it leaves out partitions, the schema itself and everything that is not in a schema.
// Ours are the role that asks and the database's owner. pg_auth_members.inherit_option is there from PostgreSQL 16 on.
const rightsQuery = `
WITH ns AS (SELECT * FROM pg_namespace WHERE nspname = :schema),
role AS (SELECT * FROM pg_roles WHERE rolname = :role),
ours AS (SELECT oid FROM pg_roles WHERE rolname = current_user
         UNION SELECT datdba FROM pg_database WHERE datname = current_database()),
rel AS (SELECT * FROM pg_class WHERE oid IN (${ofSchema("pg_class")}) AND relkind IN ('r','p','v','m','f','S')),
schema_acl AS (SELECT acl.* FROM ns, aclexplode(nspacl) acl),
default_acl AS (SELECT d.defaclrole, d.defaclobjtype AS kind, acl.* FROM ns
                JOIN pg_default_acl d ON d.defaclnamespace = ns.oid, aclexplode(d.defaclacl) acl),
lines AS (
  SELECT 1 AS ord, format('+ grant schema %s %s', ${grantee}, ${privilege}) AS line FROM schema_acl acl
    WHERE acl.grantee NOT IN (SELECT oid FROM ours) AND ${given("'USAGE'")} IS NOT TRUE
  UNION ALL
  SELECT 1, format('- grant schema %s USAGE', rolname) FROM role
    WHERE NOT EXISTS (SELECT FROM schema_acl acl WHERE acl.grantee = role.oid AND acl.privilege_type = 'USAGE')
  UNION ALL
  SELECT 2, format('+ grant %s %s %s', relname, ${grantee}, ${privilege}) FROM rel, aclexplode(relacl) acl
    WHERE relispartition AND acl.grantee <> relowner AND ${given(dml)} IS NOT TRUE
  UNION ALL
  SELECT 3, format('+ grant %s.%s %s %s', relname, attname, ${grantee}, ${privilege})
    FROM rel JOIN pg_attribute a ON a.attrelid = rel.oid AND a.attacl IS NOT NULL AND NOT a.attisdropped,
         aclexplode(a.attacl) acl WHERE acl.grantee <> relowner
  UNION ALL
  SELECT 4, format('+ owner schema %s', pg_get_userbyid(nspowner)) FROM ns WHERE nspowner NOT IN (SELECT oid FROM ours)
  UNION ALL
  SELECT 4, format('+ owner %s %s', relname, pg_get_userbyid(relowner)) FROM rel WHERE relowner NOT IN (SELECT oid FROM ours)
  UNION ALL
  SELECT 4, format('+ owner %s() %s', proname, pg_get_userbyid(proowner)) FROM pg_proc
    WHERE oid IN (${ofSchema("pg_proc")}) AND proowner NOT IN (SELECT oid FROM ours)
  UNION ALL
  SELECT 5, format('+ default privilege %s %s %s', kind, ${grantee}, ${privilege}) FROM default_acl acl
    WHERE acl.grantee <> defaclrole AND ((kind = 'r' AND ${given(dml)}) OR (kind = 'S' AND ${given("'USAGE'")})) IS NOT TRUE
  UNION ALL
  SELECT 5, format('- default privilege %s %s %s', wanted.kind, rolname, wanted.privilege)
    FROM role, (VALUES ('r','SELECT'), ('r','INSERT'), ('r','UPDATE'), ('r','DELETE'), ('S','USAGE')) AS wanted (kind, privilege)
    WHERE NOT EXISTS (SELECT FROM default_acl acl WHERE acl.kind = CAST(wanted.kind AS "char") AND acl.grantee = role.oid
                      AND acl.privilege_type = wanted.privilege AND acl.defaclrole IN (SELECT oid FROM ours))
  UNION ALL
  SELECT 6, format('+ role %s %s', rolname, attribute) FROM role, LATERAL (VALUES (rolsuper, 'SUPERUSER'), (rolcreaterole, 'CREATEROLE'),
      (rolcreatedb, 'CREATEDB'), (rolbypassrls, 'BYPASSRLS'), (rolreplication, 'REPLICATION'), (rolinherit, 'INHERIT'))
      AS has (it, attribute) WHERE has.it
  UNION ALL
  SELECT 6, format('- role %s LOGIN', rolname) FROM role WHERE NOT rolcanlogin
  UNION ALL
  SELECT 6, format('+ role %s SET %s', rolname, setting) FROM role JOIN pg_db_role_setting s ON s.setrole = role.oid,
      unnest(s.setconfig) AS setting WHERE s.setdatabase <> 0 OR setting <> ALL (CAST(:ownSettings AS text[]))
  UNION ALL
  SELECT 7, format('+ member %s of %s', rolname, pg_get_userbyid(m.roleid)) FROM role JOIN pg_auth_members m ON m.member = role.oid
  UNION ALL
  SELECT 7, format('+ member %s of %s', pg_get_userbyid(m.member), rolname) FROM role JOIN pg_auth_members m ON m.roleid = role.oid
    WHERE m.member NOT IN (SELECT oid FROM ours) AND pg_get_userbyid(m.member) <> :runtimeRole
  UNION ALL
  SELECT 7, format('+ member %s of %s WITH %s', pg_get_userbyid(m.member), rolname, may.option)
    FROM role JOIN pg_auth_members m ON m.roleid = role.oid,
      LATERAL (VALUES ('ADMIN', m.admin_option), ('INHERIT', CAST(to_jsonb(m) ->> 'inherit_option' AS boolean))) AS may (option, it)
    WHERE pg_get_userbyid(m.member) = :runtimeRole AND may.it
)
SELECT DISTINCT ord, line FROM lines ORDER BY ord, line`;
