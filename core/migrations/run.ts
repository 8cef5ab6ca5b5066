/** Applies migrations: the public schema, and one tenant that exists already. New tenants are made in one batch instead. */
import { openDatabase, type Knex } from "../db.ts";
import { ownerMark, schemaName } from "../tenant.ts";
import { recordApplied, refuseEditedHistory } from "./applied.ts";
import { compiledMigrations } from "./compile.ts";
import { readMigrations, type MigrationKind } from "./sql-files.ts";
import { knexSource } from "./source.ts";
import { extensionSchema, partitionStatement, registryStatement, type SchemaOwner } from "./tenant-schema.ts";
import { tenantVersion, unknownVersion } from "./version.ts";

export interface MigrationResult {
  /** Names applied (or undone) by this run, in order; empty when there was nothing to do. */
  readonly names: readonly string[];
}

/**
 * Brings `public` to the newest version. Two processes at once: one works, the other waits for it.
 * @throws Error when a file is not what ran before, before anything is touched
 */
export function migratePublic(databaseUrl: string): Promise<MigrationResult> {
  return withMigrator(databaseUrl, { kind: "public", schema: "public" }, async (db, config) => {
    await refuseEditedHistory(db, "public");
    const names = (await db.migrate.latest(config))[1] as string[];
    await recordApplied(db, "public");
    return { names };
  });
}

/**
 * Brings one tenant's schema to the newest version and makes its coming partitions.
 * @throws Error when the schema is missing or carries another company's mark, or a file is not what ran before; before anything
 * is touched.
 */
export function migrateTenant(databaseUrl: string, { id, uuid }: SchemaOwner): Promise<MigrationResult> {
  return withMigrator(
    databaseUrl,
    { kind: "tenant", schema: schemaName(id), mark: ownerMark(uuid) },
    async (db, config) => {
      await refuseEditedHistory(db, "tenant");
      // Knex commits file by file: until the end is written, nobody may believe the version that was.
      await db.raw(registryStatement({ id, uuid }, unknownVersion));
      const names = (await db.migrate.latest(config))[1] as string[];
      await db.raw(partitionStatement(id));
      await db.raw(registryStatement({ id, uuid }, await tenantVersion(), "(SELECT max(batch) FROM knex_migrations)"));
      await recordApplied(db, "tenant");
      return { names };
    },
  );
}

/** Undoes everything in one schema, newest first; for the tests that prove every `-- down`. */
export function migrateDown(databaseUrl: string, kind: MigrationKind, schema: string): Promise<MigrationResult> {
  return withMigrator(databaseUrl, { kind, schema }, async (db, config) => {
    return { names: (await db.migrate.rollback(config, true))[1] as string[] };
  });
}

/** Names that a schema has not seen yet. */
export async function pendingMigrations(db: Knex, kind: MigrationKind, schema: string): Promise<string[]> {
  const known = readMigrations(kind).map(({ name }) => name);
  const exists = await db.raw<{ rows: { ok: boolean }[] }>("SELECT to_regclass(?) IS NOT NULL AS ok", [
    `${schema}.knex_migrations`,
  ]);
  if (!exists.rows[0]?.ok) return known;
  const applied = new Set(await db.withSchema(schema).from("knex_migrations").pluck("name"));
  return known.filter((name) => !applied.has(name));
}

interface Target {
  readonly kind: MigrationKind;
  readonly schema: string;
  /** What the schema's comment must say. */
  readonly mark?: string;
}

/**
 * Lends a Knex of one direct connection whose search path is the schema. A session lock keyed by the schema keeps two
 * runs on one schema apart; it dies with its connection, unlike Knex's own lock row, which a killed process leaves set.
 */
async function withMigrator<T>(
  databaseUrl: string,
  target: Target,
  work: (db: Knex, config: Knex.MigratorConfig) => Promise<T>,
): Promise<T> {
  const searchPath = target.kind === "public" ? ["public"] : [target.schema, extensionSchema];
  const lock = openDatabase(databaseUrl, { name: `migration-lock ${target.schema}`, max: 1 });
  const db = openDatabase(databaseUrl, { name: `migrate ${target.schema}`, max: 1, searchPath });
  try {
    await lock.raw("SELECT pg_advisory_lock(hashtext('secretaria.migrate'), hashtext(?))", [target.schema]);
    if (target.mark !== undefined) await refuseForeignSchema(lock, { ...target, mark: target.mark });
    const config = { migrationSource: knexSource(await compiledMigrations(target.kind)), schemaName: target.schema };
    await db.migrate.forceFreeMigrationsLock(config);
    return await work(db, config);
  } finally {
    await db.destroy();
    await lock.destroy();
  }
}

async function refuseForeignSchema(db: Knex, { schema, mark }: { schema: string; mark: string }): Promise<void> {
  const { rows } = await db.raw<{ rows: { found: string | null }[] }>(
    "SELECT obj_description(oid, 'pg_namespace') AS found FROM pg_namespace WHERE nspname = ?",
    [schema],
  );
  if (rows[0] === undefined) throw new Error(`there is no schema ${schema} yet`);
  if (rows[0].found !== mark) throw new Error(`schema ${schema} carries another mark: it is not this company's`);
}
