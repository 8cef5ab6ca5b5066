import { fingerprintDiff, schemaFingerprint } from "../../core/migrations/fingerprint.ts";
import { referenceFingerprint } from "../../core/migrations/reference.ts";
import { pendingMigrations } from "../../core/migrations/run.ts";
import type { SchemaOwner } from "../../core/migrations/tenant-schema.ts";
import { ownerMark, schemaName } from "../../core/tenant.ts";
import type { ControlContext } from "../context.ts";
import { readFacts } from "../lifecycle/resources/database.ts";
import { isUsed } from "./remove-spare.ts";

/** Everything that makes a spare unfit for a company; empty when it is as if it had been made this moment. */
export async function checkSpare(ctx: ControlContext, spare: SchemaOwner): Promise<string[]> {
  const facts = await readFacts(ctx, spare);
  const mark = ownerMark(spare.uuid);
  const why = [
    ...(facts.schema ? [] : ["the schema is missing"]),
    ...(facts.schema && facts.schema_mark !== mark ? ["the schema carries another mark"] : []),
    ...(facts.role ? [] : ["the role is missing"]),
    ...(facts.role && facts.role_mark !== mark ? ["the role carries another mark"] : []),
    ...(facts.role && !facts.member ? ["the runtime may not use the role"] : []),
  ];
  if (why.length > 0) return why;
  if (await isUsed(ctx, spare)) return ["it has users"];
  const found = await schemaFingerprint(ctx.ddl, schemaName(spare.id));
  const difference = fingerprintDiff(await referenceFingerprint(ctx.ddl), found);
  if (difference.length > 0) return difference;
  const pending = await pendingMigrations(ctx.db, "tenant", schemaName(spare.id));
  return pending.map((name) => `migration ${name} is not recorded`);
}
