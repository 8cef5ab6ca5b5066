import pg from "pg";
import { sendBatch } from "../../core/db.ts";
import type { SchemaOwner } from "../../core/migrations/tenant-schema.ts";
import { ownerMark, roleName } from "../../core/tenant.ts";
import type { ControlContext } from "../context.ts";
import { readFacts } from "../lifecycle/resources/database.ts";
import { dropSchema } from "../lifecycle/resources/drop-schema.ts";
import { poolLock } from "./spare-store.ts";

/**
 * Removes what is left of a spare that was marked as discarded, its row last: who dies on the way leaves a row that the
 * next round finds. What carries another mark is a stranger's and stays.
 */
export async function removeSpare(ctx: ControlContext, spare: SchemaOwner): Promise<void> {
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
