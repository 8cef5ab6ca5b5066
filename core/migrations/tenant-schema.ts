/** The statements that make a tenant's whole schema, and the one text that sends them in a single round trip. */
import pg from "pg";
import { ownerMark, roleName, schemaName } from "../tenant.ts";
import type { MonthTable } from "./analysis/month-tables.ts";
import { compiledMigrations, type CompiledMigration } from "./compile.ts";
import { versionOf } from "./version.ts";

const { escapeIdentifier, escapeLiteral } = pg;

/** Schema of extensions; on every tenant's search_path, `public` never is. */
export const extensionSchema = "extensions";

/** Role that the runtime's pool logs in as; a member of every tenant role, with no rights of its own. */
export const runtimeRole = "secretaria_runtime";

export interface SchemaOwner {
  readonly id: number;
  readonly uuid: string;
}

/**
 * What makes the schema, in order: statements to be sent together, and the scripts between them. Schema and mark, Knex's
 * tables, default privileges, the migrations, Knex's rows, the registry's row of its version, and where a table is in partitions
 * from the start this month's and next month's. Tables belong to the role that runs them; the tenant role gets DML only.
 */
export function schemaParts(
  tenant: SchemaOwner,
  migrations: readonly CompiledMigration[],
): (string[] | CompiledMigration)[] {
  let batch = [...namespaceStatements(tenant), ...knexTables, ...grantStatements(tenant)];
  const parts: (string[] | CompiledMigration)[] = [batch];
  for (const migration of migrations) {
    batch.push(...migration.batch);
    if (migration.script !== undefined) parts.push(migration, (batch = []));
  }
  batch.push(...knexRows(migrations), registryStatement(tenant, versionOf(migrations)));
  if (migrations.some(mayPart)) batch.push(partitionStatement(tenant.id));
  return parts;
}

/** Something in it is in partitions from the start, or may be: nobody knows what a script makes. */
export const mayPart = ({ script, batch }: CompiledMigration): boolean =>
  script !== undefined || batch.some((statement) => /\bPARTITION\s+BY\b/i.test(statement));

/**
 * All of it as statements, at the newest version.
 * @throws Error where a migration is a script: then makeSchema is the way
 */
export async function schemaStatements(tenant: SchemaOwner): Promise<string[]> {
  const parts = schemaParts(tenant, await compiledMigrations("tenant"));
  return parts.flatMap((part) => {
    if (Array.isArray(part)) return part;
    throw new Error(`${part.name} is a script: the schema cannot be made by statements alone`);
  });
}

/** The role and its rights: LOGIN without a password (so nobody can log in as it where passwords are asked for). */
export function roleStatements(tenant: SchemaOwner): string[] {
  const role = escapeIdentifier(roleName(tenant.id));
  return [
    `CREATE ROLE ${role} LOGIN NOINHERIT`,
    `COMMENT ON ROLE ${role} IS ${escapeLiteral(ownerMark(tenant.uuid))}`,
    `GRANT ${role} TO ${escapeIdentifier(runtimeRole)}`,
  ];
}

/** Search path of the DDL: unqualified names land in the tenant's schema, whatever the connection did before. */
export const searchPathStatement = (id: number): string =>
  `SET LOCAL search_path TO ${escapeIdentifier(schemaName(id))}, ${extensionSchema}`;

/** Monthly partitions of every partitioned table of the schema, made where they are missing and can be. */
export const partitionStatement = (id: number): string =>
  `SELECT public.ensure_month_partitions(${escapeLiteral(schemaName(id))}, 2)`;

/** Answers false where the table is parted already or gone. @throws DatabaseError SE005 when something hangs on the table. */
export const partByMonthStatement = (id: number, { name, key }: MonthTable): string =>
  `SELECT public.part_by_month(${[schemaName(id), name, key].map(escapeLiteral).join(", ")})`;

/**
 * Says in the registry which version a schema has; the row of one that was removed is overwritten.
 * @param batch SQL for Knex's number of its last batch, as seen on the schema's own path.
 */
export const registryStatement = ({ id, uuid }: SchemaOwner, version: string, batch = "1"): string =>
  `INSERT INTO public.tenant_versions (tenant_id, uuid, version, batch)
   VALUES (${escapeLiteral(String(id))}, ${escapeLiteral(uuid)}, ${escapeLiteral(version)}, ${batch})
   ON CONFLICT (tenant_id) DO UPDATE
   SET uuid = excluded.uuid, version = excluded.version, batch = excluded.batch, fingerprint = NULL, verified_at = NULL, updated_at = now()`;

function namespaceStatements(tenant: SchemaOwner): string[] {
  const schema = escapeIdentifier(schemaName(tenant.id));
  return [
    `CREATE SCHEMA ${schema}`,
    `COMMENT ON SCHEMA ${schema} IS ${escapeLiteral(ownerMark(tenant.uuid))}`,
    searchPathStatement(tenant.id),
  ];
}

/**
 * Default privileges, set before the tables exist: each table is born with its grant, which costs less than granting
 * afterwards, and later migrations and partitions need no grant of their own.
 */
export function grantStatements(tenant: SchemaOwner): string[] {
  const schema = escapeIdentifier(schemaName(tenant.id));
  const role = escapeIdentifier(roleName(tenant.id));
  return [
    `GRANT USAGE ON SCHEMA ${schema} TO ${role}`,
    `ALTER DEFAULT PRIVILEGES IN SCHEMA ${schema} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO ${role}`,
    `ALTER DEFAULT PRIVILEGES IN SCHEMA ${schema} GRANT USAGE ON SEQUENCES TO ${role}`,
  ];
}

/** What `knex.migrate.latest` makes before its first migration; a test compares the two. */
const knexTables = [
  `CREATE TABLE knex_migrations (id serial PRIMARY KEY, name varchar(255), batch integer, migration_time timestamptz)`,
  `CREATE TABLE knex_migrations_lock (index serial PRIMARY KEY, is_locked integer)`,
  `INSERT INTO knex_migrations_lock (is_locked) VALUES (0)`,
];

function knexRows(migrations: readonly CompiledMigration[]): string[] {
  if (migrations.length === 0) return [];
  const rows = migrations.map(({ name }) => `(${escapeLiteral(name)}, 1, now())`);
  return [`INSERT INTO knex_migrations (name, batch, migration_time) VALUES ${rows.join(", ")}`];
}
