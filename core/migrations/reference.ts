/** What a tenant's schema looks like when nobody has touched it: made from the migrations, never by hand. */
import { randomUUID } from "node:crypto";
import { sendBatch, type Knex } from "../db.ts";
import { schemaName } from "../tenant.ts";
import { compiledMigrations, type CompiledMigration } from "./compile.ts";
import { schemaFingerprint, type Fingerprint } from "./fingerprint.ts";
import { roleStatements, schemaStatements } from "./tenant-schema.ts";

/** No company ever gets this id. */
const referenceId = Number.MAX_SAFE_INTEGER;

const known = new WeakMap<readonly CompiledMigration[], Promise<Fingerprint>>();

/**
 * The fingerprint of a schema made from the migrations of this process, read in a transaction that is rolled back; once
 * for each set of compiled migrations. A failed attempt is made again by the next caller.
 */
export async function referenceFingerprint(db: Knex): Promise<Fingerprint> {
  const migrations = await compiledMigrations("tenant");
  let reference = known.get(migrations);
  if (reference === undefined) {
    reference = readReference(db);
    reference.catch(() => known.delete(migrations));
    known.set(migrations, reference);
  }
  return reference;
}

async function readReference(db: Knex): Promise<Fingerprint> {
  const tenant = { id: referenceId, uuid: randomUUID() };
  const trx = await db.transaction();
  try {
    await sendBatch(trx, [...roleStatements(tenant), ...(await schemaStatements(tenant))]);
    return await schemaFingerprint(trx, schemaName(tenant.id));
  } finally {
    await trx.rollback();
  }
}
