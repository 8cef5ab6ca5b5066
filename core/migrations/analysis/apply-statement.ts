/** What a statement changes in the model of its schema; statements that change no table leave it alone. */
import type { AlterTableCmd } from "libpg-query";
import { newTable, type SchemaModel, type Table } from "./schema-model.ts";
import { addColumn, addConstraint, dropConstraint } from "./table-constraints.ts";
import {
  all,
  as,
  nameParts,
  relationName,
  relationsOf,
  type Statement,
  type TreeKind,
  type Trees,
} from "./syntax-tree.ts";
import { renameIn } from "./rename.ts";

/** Changes `model`. */
export function applyStatement(model: SchemaModel, { kind, tree }: Pick<Statement, "kind" | "tree">): void {
  const apply = effects[kind] as ((model: SchemaModel, body: unknown) => void) | undefined;
  apply?.(model, as(tree, kind));
}

const effects: { readonly [K in TreeKind]?: (model: SchemaModel, body: Trees[K]) => void } = {
  CreateStmt: createTable,
  AlterTableStmt: alterTable,
  RenameStmt: renameIn,
  DropStmt: drop,

  CreateTableAsStmt(model, { into, objtype, query }) {
    const name = relationName(into?.rel ?? {});
    if (model.tables.has(name)) return;
    const isView = objtype === "OBJECT_MATVIEW";
    const made = newTable(name, isView ? "materialized view" : "table");
    model.tables.set(name, { ...made, reads: isView ? relationsOf(query).map(relationName) : [] });
  },

  ViewStmt(model, { view, query }) {
    const name = relationName(view ?? {});
    const known = model.tables.get(name) ?? newTable(name, "view");
    model.tables.set(name, { ...known, reads: relationsOf(query).map(relationName) });
  },

  IndexStmt(model, { idxname, relation, indexParams }) {
    const table = relationName(relation ?? {});
    const columns = all(indexParams, "IndexElem").map(({ name = "expr" }) => name);
    const name = idxname ?? `${table}_${columns.join("_")}_idx`;
    if (!model.indexes.has(name)) model.indexes.set(name, table);
  },
};

function createTable(model: SchemaModel, statement: Trees["CreateStmt"]): void {
  const { relation, tableElts, inhRelations, partbound, partspec } = statement;
  const name = relationName(relation ?? {});
  if (model.tables.has(name)) return;
  const table = newTable(name);
  const [parent] = all(inhRelations, "RangeVar");
  if (parent !== undefined && partbound !== undefined) {
    table.parent = relationName(parent);
    table.isDefaultPartition = partbound.is_default === true;
  }
  table.isByRange = partspec?.strategy === "PARTITION_STRATEGY_RANGE" && partspec.partParams?.length === 1;
  for (const element of tableElts ?? []) addColumn(table, element);
  for (const constraint of all(tableElts, "Constraint")) addConstraint(table, constraint);
  model.tables.set(name, table);
}

function alterTable(model: SchemaModel, { relation, cmds }: Trees["AlterTableStmt"]): void {
  const table = model.tables.get(relationName(relation ?? {}));
  if (table === undefined) return;
  for (const command of all(cmds, "AlterTableCmd")) alter(model, table, command);
}

function alter(model: SchemaModel, table: Table, { subtype, name = "", def }: AlterTableCmd): void {
  const partition = model.tables.get(relationName(as(def, "PartitionCmd")?.name ?? {}));
  const constraint = as(def, "Constraint");
  if (subtype === "AT_AddColumn") addColumn(table, def);
  if (subtype === "AT_AddConstraint" && constraint !== undefined) addConstraint(table, constraint);
  if (subtype === "AT_DropConstraint") dropConstraint(table, name);
  if (subtype === "AT_DropColumn") dropColumn(table, name);
  if (subtype === "AT_ValidateConstraint")
    for (const check of table.checks) if (check.name === name) check.isValid = true;
  if (subtype === "AT_AttachPartition" && partition !== undefined) partition.parent = table.name;
  if (subtype === "AT_DetachPartition" && partition !== undefined) partition.parent = undefined;
}

function dropColumn(table: Table, column: string): void {
  table.foreignKeys = table.foreignKeys.filter(({ columns }) => !columns.includes(column));
  table.checks = table.checks.filter(({ notNull }) => !notNull.includes(column));
}

function drop(model: SchemaModel, { objects, removeType }: Trees["DropStmt"]): void {
  const dropped = (objects ?? []).map((object) => nameParts(object).join("."));
  if (removeType === "OBJECT_INDEX") for (const name of dropped) model.indexes.delete(name);
  if (!["OBJECT_TABLE", "OBJECT_VIEW", "OBJECT_MATVIEW"].includes(removeType ?? "")) return;
  for (const name of dropped) {
    model.tables.delete(name);
    for (const [index, table] of model.indexes) if (table === name) model.indexes.delete(index);
    for (const table of model.tables.values()) {
      table.foreignKeys = table.foreignKeys.filter(({ target }) => target !== name);
      if (table.parent === name) model.tables.delete(table.name);
    }
  }
}
