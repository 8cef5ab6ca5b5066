/** What a tenant's schema looks like when it is fresh: the measure of those that exist. */
import type { Knex } from "../db.ts";
import { schemaName } from "../tenant.ts";
import { compiledMigrations, type CompiledMigration } from "./compile.ts";
import { schemaFingerprint, type Fingerprint } from "./fingerprint.ts";
import { makeSchema } from "./make-schema.ts";
import { roleStatements } from "./tenant-schema.ts";
import { filesOfVersion, versionOf } from "./version.ts";

/** No company gets as far. Two processes at once: the second waits for the first one's rollback. */
const referenceOwner = { id: Number.MAX_SAFE_INTEGER, uuid: "00000000-0000-0000-0000-000000000000" };

/** By versions of server and schema: an upgraded server may write the same thing in other words. */
const known = new Map<string, Promise<Fingerprint>>();

/**
 * Fingerprint of a schema made by this process's migrations, in a transaction that is rolled back; made once for each
 * server version. `db` must be allowed what provisioning needs: to create a schema and a role.
 */
export const referenceFingerprint = async (db: Knex): Promise<Fingerprint> =>
  makeOnce(db, await compiledMigrations("tenant"));

/**
 * The same of an older version, made from the migrations that it has in it. Undefined where these files never made it, see
 * filesOfVersion.
 */
export async function referenceOfVersion(db: Knex, version: string): Promise<Fingerprint | undefined> {
  const files = filesOfVersion(await compiledMigrations("tenant"), version);
  return files === undefined ? undefined : makeOnce(db, files);
}

/** Lends a fresh schema of that version, which is never seen. Undefined as above. */
export async function withReferenceSchema<T>(
  db: Knex,
  version: string,
  work: (trx: Knex, schema: string) => Promise<T>,
): Promise<T | undefined> {
  const files = filesOfVersion(await compiledMigrations("tenant"), version);
  return files === undefined ? undefined : lendReference(db, files, work);
}

type Files = readonly CompiledMigration[];

async function makeOnce(db: Knex, files: Files): Promise<Fingerprint> {
  const { rows } = await db.raw<{ rows: { server_version: string }[] }>("SHOW server_version");
  const key = `${rows[0]?.server_version} ${versionOf(files)}`;
  let result = known.get(key);
  if (result === undefined) {
    result = lendReference(db, files, (trx, schema) => schemaFingerprint(trx, schema));
    result.catch(() => known.delete(key));
    known.set(key, result);
  }
  return result;
}

async function lendReference<T>(
  db: Knex,
  migrations: Files,
  work: (trx: Knex, schema: string) => Promise<T>,
): Promise<T> {
  const trx = await db.transaction();
  try {
    await makeSchema(trx, referenceOwner, { before: roleStatements(referenceOwner), migrations });
    return await work(trx, schemaName(referenceOwner.id));
  } finally {
    await trx.rollback();
  }
}
