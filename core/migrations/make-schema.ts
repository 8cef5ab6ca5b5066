import { sendBatch, type Knex } from "../db.ts";
import { applyInTransaction } from "./apply-migration.ts";
import { compiledMigrations, type CompiledMigration } from "./compile.ts";
import { schemaParts, type SchemaOwner } from "./tenant-schema.ts";

export interface SchemaRequest {
  /** The caller's own statements, in the same transaction. */
  readonly before?: readonly string[];
  readonly after?: readonly string[];
  /** The first migrations, for a schema of an older version. Absent: all. */
  readonly migrations?: readonly CompiledMigration[];
}

/**
 * Makes a tenant's whole schema, all or nothing: one round trip and one transaction, more round trips only where migrations are scripts.
 */
export async function makeSchema(
  db: Knex,
  tenant: SchemaOwner,
  { before = [], after = [], migrations }: SchemaRequest = {},
): Promise<void> {
  const parts = schemaParts(tenant, migrations ?? (await compiledMigrations("tenant")));
  const [only] = parts;
  if (parts.length === 1 && Array.isArray(only)) return sendBatch(db, [...before, ...only, ...after]);
  await inTransaction(db, async (trx) => {
    for (const part of [[...before], ...parts, [...after]]) {
      if (!Array.isArray(part)) await applyInTransaction(trx, part, "up");
      else if (part.length > 0) await sendBatch(trx, part);
    }
  });
}

const inTransaction = (db: Knex, work: (trx: Knex) => Promise<void>): Promise<void> =>
  db.isTransaction === true ? work(db) : db.transaction(work);
