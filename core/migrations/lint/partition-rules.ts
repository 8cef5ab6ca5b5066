/** Partitions of a table that the platform parts by month: see analysis/month-tables.ts. */
import { defaultPartition } from "../analysis/month-tables.ts";
import { all, as, nameParts, relationName, relationsOf } from "../analysis/syntax-tree.ts";
import type { Hit } from "./rules.ts";
import type { StatementInput } from "./statement-input.ts";

const partitioning: ReadonlySet<string> = new Set(["AT_AttachPartition", "AT_DetachPartition"]);

/** Of tables that an earlier file made: with the file that makes the table it is in partitions from the start. */
export function partitionHits({ statement: { tree }, before }: StatementInput): Hit[] {
  const byMonth = [...before.tables.values()].filter(
    ({ name, isByRange }) => isByRange && before.tables.get(defaultPartition(name))?.parent === name,
  );
  const create = as(tree, "CreateStmt");
  const made = create?.partbound === undefined ? [] : all(create.inhRelations, "RangeVar").map(relationName);
  const alter = as(tree, "AlterTableStmt");
  const isMoved = all(alter?.cmds, "AlterTableCmd").some(({ subtype = "" }) => partitioning.has(subtype));
  const dropped = (as(tree, "DropStmt")?.objects ?? []).map((object) => nameParts(object).join("."));
  const named = new Set([...dropped, ...relationsOf(tree).map(relationName)]);
  return byMonth
    .filter(
      ({ name }) =>
        made.includes(name) ||
        (isMoved && relationName(alter?.relation ?? {}) === name) ||
        named.has(defaultPartition(name)),
    )
    .map(({ name }) => ({ code: "own-partition", what: `a partition of ${name}` }));
}
