/** What a tenant's schema looks like when it is fresh: the measure of those that exist. */
import type { Knex } from "../db.ts";
import { schemaName } from "../tenant.ts";
import { compiledMigrations } from "./compile.ts";
import { schemaFingerprint, type Fingerprint } from "./fingerprint.ts";
import { makeSchema } from "./make-schema.ts";
import { roleStatements } from "./tenant-schema.ts";
import { versionOf } from "./version.ts";

/** No company gets as far. Two processes at once: the second waits for the first one's rollback. */
const referenceOwner = { id: Number.MAX_SAFE_INTEGER, uuid: "00000000-0000-0000-0000-000000000000" };

/** By versions of server and schema: an upgraded server may write the same thing in other words. */
const known = new Map<string, Promise<Fingerprint>>();

/**
 * Fingerprint of a schema made by this process's migrations, in a transaction that is rolled back; made once for each
 * server version. `db` must be allowed what provisioning needs: to create a schema and a role.
 */
export const referenceFingerprint = async (db: Knex): Promise<Fingerprint> =>
  makeOnce(db, (await compiledMigrations("tenant")).length);

/**
 * The same of an older version, made from the first migrations only. Undefined where these files never made that version:
 * a newer release did, or one of the files was another then.
 */
export async function referenceOfVersion(db: Knex, version: string): Promise<Fingerprint | undefined> {
  const count = await countOfVersion(version);
  return count === undefined ? undefined : makeOnce(db, count);
}

/** Lends a fresh schema of that version, which is never seen. Undefined as above. */
export async function withReferenceSchema<T>(
  db: Knex,
  version: string,
  work: (trx: Knex, schema: string) => Promise<T>,
): Promise<T | undefined> {
  const count = await countOfVersion(version);
  return count === undefined ? undefined : lendReference(db, count, work);
}

async function countOfVersion(version: string): Promise<number | undefined> {
  const migrations = await compiledMigrations("tenant");
  for (let count = migrations.length; count >= 0; count -= 1) {
    if (versionOf(migrations.slice(0, count)) === version) return count;
  }
  return undefined;
}

async function makeOnce(db: Knex, count: number): Promise<Fingerprint> {
  const { rows } = await db.raw<{ rows: { server_version: string }[] }>("SHOW server_version");
  const key = `${rows[0]?.server_version} ${versionOf((await compiledMigrations("tenant")).slice(0, count))}`;
  let result = known.get(key);
  if (result === undefined) {
    result = lendReference(db, count, (trx, schema) => schemaFingerprint(trx, schema));
    result.catch(() => known.delete(key));
    known.set(key, result);
  }
  return result;
}

async function lendReference<T>(db: Knex, count: number, work: (trx: Knex, schema: string) => Promise<T>): Promise<T> {
  const migrations = (await compiledMigrations("tenant")).slice(0, count);
  const trx = await db.transaction();
  try {
    await makeSchema(trx, referenceOwner, { before: roleStatements(referenceOwner), migrations });
    return await work(trx, schemaName(referenceOwner.id));
  } finally {
    await trx.rollback();
  }
}
