import type { RenameStmt } from "libpg-query";
import type { SchemaModel } from "./schema-model.ts";
import { relationName } from "./syntax-tree.ts";

/** A rename carries over to everything that names the thing; a table keeps its origin. */
export function renameIn(model: SchemaModel, { renameType, relation, subname = "", newname = "" }: RenameStmt): void {
  const name = relationName(relation ?? {});
  if (renameType === "OBJECT_INDEX") renameIndex(model, name, newname);
  if (renameType === "OBJECT_TABLE" || renameType === "OBJECT_VIEW" || renameType === "OBJECT_MATVIEW")
    renameTable(model, name, newname);
  if (renameType === "OBJECT_COLUMN") renameColumn(model, { table: name, from: subname, to: newname });
  const table = model.tables.get(name);
  if (renameType === "OBJECT_TABCONSTRAINT" && table !== undefined)
    for (const constraint of [...table.foreignKeys, ...table.checks])
      if (constraint.name === subname) constraint.name = newname;
}

function renameIndex(model: SchemaModel, from: string, to: string): void {
  const table = model.indexes.get(from);
  if (table === undefined) return;
  model.indexes.delete(from);
  model.indexes.set(to, table);
}

function renameTable(model: SchemaModel, from: string, to: string): void {
  const renamed = model.tables.get(from);
  if (renamed === undefined) return;
  model.tables.delete(from);
  renamed.name = to;
  model.tables.set(to, renamed);
  for (const [index, owner] of model.indexes) if (owner === from) model.indexes.set(index, to);
  for (const table of model.tables.values()) {
    if (table.parent === from) table.parent = to;
    table.reads = table.reads.map((name) => (name === from ? to : name));
    for (const key of table.foreignKeys) if (key.target === from) key.target = to;
  }
}

function renameColumn(
  model: SchemaModel,
  { table: name, from, to }: { table: string; from: string; to: string },
): void {
  const renamed = (column: string): string => (column === from ? to : column);
  for (const table of model.tables.values())
    for (const key of table.foreignKeys) {
      if (table.name === name) key.columns = key.columns.map(renamed);
      if (key.target === name) key.targetColumns = key.targetColumns.map(renamed);
    }
  const table = model.tables.get(name);
  if (table === undefined) return;
  table.primaryKey = table.primaryKey.map(renamed);
  for (const check of table.checks) check.notNull = check.notNull.map(renamed);
}
