import pg from "pg";
import { schemaName } from "../../../core/tenant.ts";
import type { ControlContext } from "../../context.ts";

/**
 * Drops a tenant's schema. In chunks, each a transaction that `send` makes: dropping hundreds of relations at once takes
 * more locks than the server's lock table has room for. Safe to repeat after any of them.
 * @throws SQLSTATE 55P03 when somebody reads a table for longer than a moment, as a dump does: the connection is one of
 * few, and others wait for it.
 */
export async function dropSchema(
  ctx: ControlContext,
  id: number,
  send: (statements: readonly string[]) => Promise<void>,
): Promise<void> {
  const schema = schemaName(id);
  // Partitions first: a parent would take all of its own with it in one transaction.
  const tables: string[] = await ctx
    .db("pg_class")
    .whereRaw("relnamespace = to_regnamespace(?) AND relkind IN ('r', 'p')", [pg.escapeIdentifier(schema)])
    .orderBy("relispartition", "desc")
    .pluck("relname");
  const quoted = tables.map((table) => `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(table)}`);
  for (let start = 0; start < quoted.length; start += 10) {
    await send([patience, `DROP TABLE IF EXISTS ${quoted.slice(start, start + 10).join(", ")} CASCADE`]);
  }
  await send([
    patience,
    `DROP SCHEMA IF EXISTS ${pg.escapeIdentifier(schema)} CASCADE`,
    `DELETE FROM public.tenant_versions WHERE tenant_id = ${id}`,
  ]);
}

const patience = "SET LOCAL lock_timeout TO '2s'";
