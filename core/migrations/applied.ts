/** The text of each migration when it first ran in a database: `public.applied_migrations`. History is not edited. */
import type { Knex } from "../db.ts";
import { compiledMigrations } from "./compile.ts";
import { foldersGeneration, type MigrationKind } from "./folders.ts";

/** Servers, and what this process has noted in them; a transaction shares its pool's settings. */
const recorded = new WeakMap<object, Set<string>>();

/**
 * Notes this release's migrations as applied; once per process and pool, idempotent.
 * @throws Error naming the files that ran with another text, before or after it is noted
 */
export async function recordApplied(db: Knex, kind: MigrationKind): Promise<void> {
  const known = recorded.get(db.client.connectionSettings) ?? new Set();
  const what = `${kind} ${foldersGeneration()}`;
  if (known.has(what)) return;
  const migrations = await compiledMigrations(kind);
  await db.raw(
    `INSERT INTO public.applied_migrations (kind, name, checksum)
     SELECT :kind, name, checksum FROM unnest(CAST(:names AS text[]), CAST(:checksums AS text[])) AS file (name, checksum)
     ON CONFLICT DO NOTHING`,
    { kind, names: migrations.map(({ name }) => name), checksums: migrations.map(({ checksum }) => checksum) },
  );
  await refuseEditedHistory(db, kind);
  recorded.set(db.client.connectionSettings, known.add(what));
}

/** Once per process and pool, when it is recorded. @throws Error naming the files of this process that the database ran with another text */
export async function refuseEditedHistory(db: Knex, kind: MigrationKind): Promise<void> {
  if (recorded.get(db.client.connectionSettings)?.has(`${kind} ${foldersGeneration()}`)) return;
  const edited = await listEdited(db, kind);
  if (edited.length === 0) return;
  throw new Error(
    `${edited.join(", ")} of migrations/${kind} ran in this database with another text; ` +
      "restore the file as it was released and write the change as a new migration",
  );
}

/** Names of this process's files whose text is not the one that ran; empty where nothing was ever noted. */
export async function listEdited(db: Knex, kind: MigrationKind): Promise<string[]> {
  const { rows } = await db.raw<{ rows: { ok: boolean }[] }>(
    "SELECT to_regclass('public.applied_migrations') IS NOT NULL AS ok",
  );
  if (!rows[0]?.ok) return [];
  const migrations = await compiledMigrations(kind);
  const applied = await db("public.applied_migrations").where({ kind }).select<{ name: string; checksum: string }[]>();
  const texts = new Map(applied.map(({ name, checksum }) => [name, checksum]));
  return migrations.filter(({ name, checksum }) => (texts.get(name) ?? checksum) !== checksum).map(({ name }) => name);
}
