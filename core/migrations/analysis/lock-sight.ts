import { isStronger, type LockMode } from "./lock-modes.ts";
import { partitionsOf, referencesTo, targetColumns, type SchemaModel, type Table } from "./schema-model.ts";

/** What rows' changes do to other tables by foreign keys: rows looked at, changed or removed there. */
export type RowChange =
  | { readonly kind: "insert" | "delete" }
  | { readonly kind: "update"; readonly columns: string[] };

/** Collects the locks of one statement; follows partitions and foreign keys through the model. */
export interface LockSight {
  readonly model: SchemaModel;
  /** By the tables' names at the time of the statement. */
  readonly modes: Map<string, LockMode>;
}

export const openSight = (model: SchemaModel): LockSight => ({ model, modes: new Map() });

/** A lock on this table alone. */
export function raise(sight: LockSight, table: string, mode: LockMode): void {
  const known = sight.modes.get(table);
  if (known === undefined || isStronger(mode, known)) sight.modes.set(table, mode);
}

/** A lock on a table goes down to its partitions. */
export function lock(sight: LockSight, table: string, mode: LockMode): void {
  raise(sight, table, mode);
  for (const { name } of partitionsOf(sight.model, table)) lock(sight, name, mode);
}

/** A partitioned table and its default partition, when one of its parts comes or goes. */
export function lockFamily(sight: LockSight, parent: string, mode: LockMode): void {
  raise(sight, parent, mode);
  for (const part of partitionsOf(sight.model, parent))
    if (part.isDefaultPartition) lock(sight, part.name, "ACCESS EXCLUSIVE");
  for (const { target } of sight.model.tables.get(parent)?.foreignKeys ?? [])
    lock(sight, target, "SHARE ROW EXCLUSIVE");
}

/** A key that goes takes its triggers with it, on both tables. */
export function lockForDroppedKeys(sight: LockSight, table: Table, isGone: (columns: string[]) => boolean): void {
  for (const key of table.foreignKeys) if (isGone(key.columns)) lock(sight, key.target, "ACCESS EXCLUSIVE");
  for (const { from, key } of referencesTo(sight.model, table.name))
    if (isGone(targetColumns(sight.model, key))) lock(sight, from, "ACCESS EXCLUSIVE");
}

/** CASCADE empties whatever points to the table, and what points to that. */
export function lockForTruncate(sight: LockSight, table: string, isCascade: boolean): void {
  if (sight.modes.get(table) === "ACCESS EXCLUSIVE") return;
  lock(sight, table, "ACCESS EXCLUSIVE");
  if (!isCascade) return;
  for (const { from } of referencesTo(sight.model, table)) lockForTruncate(sight, from, isCascade);
}

export function lockForRows(sight: LockSight, table: string, change: RowChange): void {
  lock(sight, table, "ROW EXCLUSIVE");
  const known = sight.model.tables.get(table);
  for (const key of known?.foreignKeys ?? [])
    if (change.kind === "insert" || (change.kind === "update" && overlap(key.columns, change.columns)))
      lock(sight, key.target, "ROW SHARE");
  if (change.kind === "insert") return;
  for (const { from, key } of referencesTo(sight.model, table)) {
    if (change.kind === "update" && !overlap(targetColumns(sight.model, key), change.columns)) continue;
    followKey(
      sight,
      { from, columns: key.columns, action: change.kind === "delete" ? key.onDelete : key.onUpdate },
      change,
    );
  }
}

function followKey(
  sight: LockSight,
  { from, columns, action }: { from: string; columns: string[]; action: string },
  change: RowChange,
): void {
  if (action === "a" || action === "r") lock(sight, from, "ROW SHARE");
  // A cycle of cascades ends where the lock is known.
  else if (isStronger("ROW EXCLUSIVE", sight.modes.get(from) ?? "ACCESS SHARE"))
    lockForRows(sight, from, action === "c" && change.kind === "delete" ? change : { kind: "update", columns });
}

const overlap = (a: readonly string[], b: readonly string[]): boolean => a.some((column) => b.includes(column));
