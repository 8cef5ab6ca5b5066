/** What a tenant's schema looks like when it is fresh: the measure of those that exist. */
import { sendBatch, type Knex } from "../db.ts";
import { schemaName } from "../tenant.ts";
import { schemaFingerprint, type Fingerprint } from "./fingerprint.ts";
import { roleStatements, schemaStatements } from "./tenant-schema.ts";
import { tenantVersion } from "./version.ts";

/** No company gets as far. Two processes at once: the second waits for the first one's rollback. */
const referenceOwner = { id: Number.MAX_SAFE_INTEGER, uuid: "00000000-0000-0000-0000-000000000000" };

/** By server version (an upgraded server may write the same thing in other words) and version of the schema. */
const known = new Map<string, Promise<Fingerprint>>();

/**
 * Fingerprint of a schema made by this process's migrations, in a transaction that is rolled back; made once for each
 * server version. `db` must be allowed what provisioning needs: to create a schema and a role.
 */
export async function referenceFingerprint(db: Knex): Promise<Fingerprint> {
  const { rows } = await db.raw<{ rows: { server_version: string }[] }>("SHOW server_version");
  const server = `${rows[0]?.server_version ?? ""} ${await tenantVersion()}`;
  let result = known.get(server);
  if (result === undefined) {
    result = makeReference(db);
    result.catch(() => known.delete(server));
    known.set(server, result);
  }
  return result;
}

async function makeReference(db: Knex): Promise<Fingerprint> {
  const trx = await db.transaction();
  try {
    await sendBatch(trx, [...roleStatements(referenceOwner), ...(await schemaStatements(referenceOwner))]);
    return await schemaFingerprint(trx, schemaName(referenceOwner.id));
  } finally {
    await trx.rollback();
  }
}
