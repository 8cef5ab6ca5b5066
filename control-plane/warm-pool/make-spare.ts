import { makeSchema } from "../../core/migrations/make-schema.ts";
import { roleStatements, type SchemaOwner } from "../../core/migrations/tenant-schema.ts";
import type { ControlContext } from "../context.ts";
import { discarded, poolLock } from "./spare-store.ts";

/** The lock is another process's: it makes or removes one right now. */
export type MakeResult = "made" | "enough" | "busy";

/**
 * Makes one spare: row, role and schema in one transaction, so that a crash leaves nothing. The row reserves the id of a
 * company to come. Never more than `atMost` in all, also with several control planes.
 */
export async function makeSpare(
  ctx: ControlContext,
  { version, atMost }: { version: string; atMost: number },
): Promise<MakeResult> {
  return ctx.ddl.transaction(async (trx) => {
    const lock = await trx.raw<{ rows: { ok: boolean }[] }>(`SELECT ${poolLock.attempt} AS ok`);
    if (!lock.rows[0]?.ok) return "busy";
    // A statement of its own: it sees what the lock's last holder has committed.
    const { rows } = await trx.raw<{ rows: SchemaOwner[] }>(
      `INSERT INTO public.spare_tenants (id, uuid, version)
       SELECT nextval(pg_get_serial_sequence('public.companies', 'id')), gen_random_uuid(), :version
       WHERE (SELECT count(*) FROM public.spare_tenants WHERE version <> :discarded) < :atMost
       RETURNING id, uuid`,
      { version, discarded, atMost },
    );
    const [owner] = rows;
    if (owner === undefined) return "enough";
    await makeSchema(trx, owner, { before: roleStatements(owner) });
    return "made";
  });
}
