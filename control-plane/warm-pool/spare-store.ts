/** Rows of spares: schemas made ahead, each with the id and uuid of the company that will take it. */
import type { Knex } from "../../core/db.ts";
import type { SchemaOwner } from "../../core/migrations/tenant-schema.ts";

export interface SpareRow extends SchemaOwner {
  /** See tenantVersion; `discarded`: nobody takes it any more, and what is left of it goes. */
  readonly version: string;
  /** Seconds since it was made or looked at, by the server's clock. */
  readonly unchecked_for: number;
}

export const discarded = "discarded";

/** Belongs in every transaction that makes or removes a spare: one at a time, whatever the number of control planes. */
export const poolLock = { wait: lockCall("pg_advisory_xact_lock"), attempt: lockCall("pg_try_advisory_xact_lock") };

export const listSpares = (db: Knex): Promise<SpareRow[]> =>
  db("spare_tenants")
    .orderBy("id")
    .select("id", "uuid", "version", db.raw("extract(epoch FROM now() - checked_at)::float8 AS unchecked_for"));

/** Says of a spare, where it is still one, that it was found fit this moment. One that is being removed stays discarded. */
export async function markFit(db: Knex, id: number, version: string): Promise<void> {
  await db("spare_tenants").where({ id }).whereNot({ version: discarded }).update({ version, checked_at: db.fn.now() });
}

/** From here on no provisioning takes it, and who called removes it. False when a provisioning was faster. */
export async function markDiscarded(db: Knex, id: number): Promise<boolean> {
  return (await db("spare_tenants").where({ id }).update({ version: discarded, checked_at: db.fn.now() })) > 0;
}

function lockCall(name: string): string {
  return `${name}(hashtext('secretaria.warm-pool'), 0)`;
}
