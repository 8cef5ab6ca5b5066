import { openDatabase, type Knex } from "../../../core/db.ts";
import { referenceOfVersion, withReferenceSchema } from "../../../core/migrations/reference.ts";
import { tenantVersion } from "../../../core/migrations/version.ts";
import { quickHash } from "./schema-reader.ts";
import type { Reference, References } from "./verify-tenant.ts";

/** Lends what schemas are held against, on a connection of its own: it makes schemas, which are rolled back. */
export async function withReferences<T>(databaseUrl: string, work: (references: References) => Promise<T>): Promise<T> {
  const db = openDatabase(databaseUrl, { name: "secretaria verify", max: 1 });
  const made = new Map<string, Promise<Reference | undefined>>();
  try {
    const { rows } = await db.raw<{ rows: { server_version_num: string }[] }>("SHOW server_version_num");
    const server = Math.floor(Number(rows[0]?.server_version_num) / 10_000);
    const of = (version: string) => {
      const known = made.get(version) ?? makeReference(db, server, version);
      made.set(version, known);
      return known;
    };
    return await work({ head: await tenantVersion(), databaseUrl, server, of });
  } finally {
    await db.destroy();
  }
}

async function makeReference(db: Knex, server: number, version: string): Promise<Reference | undefined> {
  const fingerprint = await referenceOfVersion(db, version);
  if (fingerprint === undefined) return undefined;
  const quick = await withReferenceSchema(db, version, (trx, schema) => quickHash(trx, server, schema));
  return { ...fingerprint, quick: quick ?? null };
}
