import pg from "pg";
import { sendBatch } from "../../core/db.ts";
import type { SchemaOwner } from "../../core/migrations/tenant-schema.ts";
import { ownerMark, roleName, schemaName } from "../../core/tenant.ts";
import type { ControlContext } from "../context.ts";
import { readFacts } from "../lifecycle/resources/database.ts";
import { dropSchema } from "../lifecycle/resources/drop-schema.ts";
import { poolLock } from "./spare-store.ts";

/**
 * Removes what is left of a spare that was marked as discarded, its row last: who dies on the way leaves a row that the
 * next round finds. What carries another mark is a stranger's and stays, and so does what somebody has used.
 */
export async function removeSpare(ctx: ControlContext, spare: SchemaOwner): Promise<void> {
  if (await isUsed(ctx, spare)) {
    await ctx.db("spare_tenants").where({ id: spare.id }).delete();
    ctx.log.error({ spare: spare.id }, "a spare schema has users: it is a company's that the registry lost; adopt it");
    return;
  }
  const facts = await readFacts(ctx, spare);
  const mark = ownerMark(spare.uuid);
  const send = (statements: readonly string[]) => sendBatch(ctx.ddl, [`SELECT ${poolLock.wait}`, ...statements]);
  if (facts.schema && facts.schema_mark === mark) await dropSchema(ctx, spare.id, send);
  const isStrangers = facts.schema && facts.schema_mark !== mark;
  // With rights in a stranger's schema it is theirs to remove.
  const isOurs = facts.role && facts.role_mark === mark && !isStrangers;
  const role = isOurs ? [`DROP ROLE IF EXISTS ${pg.escapeIdentifier(roleName(spare.id))}`] : [];
  await send([...role, `DELETE FROM public.spare_tenants WHERE id = ${spare.id}`]);
}

/** A registry from an older backup takes a schema for a spare that a company has taken since, with the same mark. */
export async function isUsed({ db }: ControlContext, { id }: Pick<SchemaOwner, "id">): Promise<boolean> {
  const users = `${schemaName(id)}.users`;
  const { rows } = await db.raw<{ rows: { there: boolean }[] }>("SELECT to_regclass(?) IS NOT NULL AS there", [users]);
  if (rows[0]?.there !== true) return false;
  return (await db.withSchema(schemaName(id)).from("users").first("id")) !== undefined;
}
