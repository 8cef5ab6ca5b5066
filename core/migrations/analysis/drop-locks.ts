import { lock, lockForDroppedKeys, raise, type LockSight } from "./lock-sight.ts";
import { viewsOf } from "./schema-model.ts";
import { nameParts, type Trees } from "./syntax-tree.ts";

/** DROP of tables and views, and of what belongs to a table. */
export function dropLocks(sight: LockSight, { objects, removeType, concurrent, behavior }: Trees["DropStmt"]): void {
  for (const parts of (objects ?? []).map(nameParts)) {
    const name = parts.join(".");
    const owner = sight.model.indexes.get(name);
    if (removeType === "OBJECT_INDEX" && owner !== undefined)
      lock(sight, owner, concurrent === true ? "SHARE UPDATE EXCLUSIVE" : "ACCESS EXCLUSIVE");
    if (removeType === "OBJECT_TABLE" || removeType === "OBJECT_VIEW" || removeType === "OBJECT_MATVIEW")
      dropTable(sight, name, behavior === "DROP_CASCADE");
    if (removeType === "OBJECT_TRIGGER" || removeType === "OBJECT_POLICY" || removeType === "OBJECT_RULE")
      lock(sight, parts.slice(0, -1).join("."), "ACCESS EXCLUSIVE");
  }
}

function dropTable(sight: LockSight, name: string, isCascade: boolean): void {
  if (isCascade) for (const view of viewsOf(sight.model, name)) dropTable(sight, view.name, isCascade);
  lock(sight, name, "ACCESS EXCLUSIVE");
  const table = sight.model.tables.get(name);
  if (table === undefined) return;
  for (const { name: relative, isDefaultPartition, parent } of sight.model.tables.values()) {
    const isSister = isDefaultPartition && parent !== undefined && parent === table.parent;
    if (relative === table.parent || isSister) raise(sight, relative, "ACCESS EXCLUSIVE");
  }
  lockForDroppedKeys(sight, table, () => true);
}
