/** How a tenant's schema and rights differ from what the migrations made: lines to read, nothing that changes anything. */
import { openDatabase } from "../../../core/db.ts";
import { factLine, fingerprintDiff, schemaFingerprint, type Fact } from "../../../core/migrations/fingerprint.ts";
import { referenceFingerprint } from "../../../core/migrations/reference.ts";
import { schemaName, type Tenant } from "../../../core/tenant.ts";
import type { ControlContext } from "../../context.ts";
import { rightsFacts } from "../../fleet/verify/rights.ts";

export interface DriftQuestion {
  /** Without its role every grant is missing: that is said once, not once for each table. */
  readonly hasRole: boolean;
  /** All migrations were applied and no others: only then there is something to hold the schema against. */
  readonly atHead: boolean;
}

const mostLines = 50;
const longestLine = 300;

/**
 * `+ grant customers PUBLIC SELECT`, `- column users.email text …`: `+` is there and should not be, `-` should be there
 * and is not. At most fifty lines and how many more there are.
 * The connection is its own and ends here: a server process keeps for ever what it once read of a catalog, and
 * inspections read that of the whole fleet.
 */
export async function describeDrift(
  ctx: ControlContext,
  tenant: Pick<Tenant, "id">,
  { hasRole, atHead }: DriftQuestion,
): Promise<string[]> {
  const schema = schemaName(tenant.id);
  const db = openDatabase(ctx.databaseUrl, { name: "secretaria inspection", max: 1 });
  try {
    const shape = atHead ? fingerprintDiff(await referenceFingerprint(db), await schemaFingerprint(db, schema)) : [];
    const rights = (await schemaFingerprint(db, schema, rightsFacts)).facts.flatMap(rightLine);
    const lines = [...shape, ...rights].filter((line) => hasRole || !line.startsWith("- grant"));
    return shorten(lines.map((line) => line.replaceAll("<schema>", schema)));
  } finally {
    await db.destroy();
  }
}

/** Only of what is wrong with rights. That the role or the runtime's membership lacks is told by who mends it. */
function rightLine(fact: Fact): string[] {
  const { wanted, attribute } = fact.is;
  if (wanted === undefined) return [];
  const isMended = (fact.kind === "role" && attribute === undefined) || fact.kind === "member";
  if (wanted === true && isMended) return [];
  return [`${wanted === true ? "-" : "+"} ${factLine(fact)}`];
}

function shorten(lines: readonly string[]): string[] {
  const kept = lines.slice(0, mostLines).map((line) => line.replace(/\s+/g, " ").slice(0, longestLine));
  const more = lines.length - kept.length;
  return more > 0 ? [...kept, `… and ${more} more`] : kept;
}
