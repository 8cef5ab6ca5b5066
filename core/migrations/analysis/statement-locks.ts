/** The table locks of one statement, after PostgreSQL's chapter "Explicit Locking" and the pages of the commands. */
import type { AlterTableCmd } from "libpg-query";
import { alterTableMode } from "./alter-table-mode.ts";
import { dropLocks } from "./drop-locks.ts";
import {
  lock,
  lockFamily,
  lockForDroppedKeys,
  lockForRows,
  lockForTruncate,
  openSight,
  type LockSight,
} from "./lock-sight.ts";
import { lockModes, type LockMode } from "./lock-modes.ts";
import type { SchemaModel } from "./schema-model.ts";
import { all, as, nameParts, relationName, relationsOf } from "./syntax-tree.ts";
import type { Statement, TreeKind, Trees } from "./syntax-tree.ts";

/** By the tables' names at the time of the statement; what a function or a DO block does inside is not seen. */
export function statementLocks(model: SchemaModel, { kind, tree }: Statement): ReadonlyMap<string, LockMode> {
  const sight = openSight(model);
  if (!namesOnly.has(kind))
    for (const relation of relationsOf(tree)) lock(sight, relationName(relation), "ACCESS SHARE");
  const takeLocks = lockers[kind] as ((sight: LockSight, body: unknown) => void) | undefined;
  takeLocks?.(sight, as(tree, kind));
  return sight.modes;
}

/** They name relations without opening them, or name what is no table. */
const namesOnly: ReadonlySet<TreeKind> = new Set(["RenameStmt", "ReindexStmt", "AlterSeqStmt", "CreateSeqStmt"]);

const lockers: { readonly [K in TreeKind]?: (sight: LockSight, body: Trees[K]) => void } = {
  AlterTableStmt: alterTable,
  DropStmt: dropLocks,
  CreateStmt: createTable,
  CommentStmt: comment,
  RenameStmt: rename,

  InsertStmt: (sight, { relation, onConflictClause }) => {
    const columns = all(onConflictClause?.targetList, "ResTarget").map(({ name = "" }) => name);
    lockForRows(sight, relationName(relation ?? {}), { kind: "insert" });
    if (columns.length > 0) lockForRows(sight, relationName(relation ?? {}), { kind: "update", columns });
  },
  UpdateStmt: (sight, { relation, targetList }) => {
    const columns = all(targetList, "ResTarget").map(({ name = "" }) => name);
    lockForRows(sight, relationName(relation ?? {}), { kind: "update", columns });
  },
  DeleteStmt: (sight, { relation }) => lockForRows(sight, relationName(relation ?? {}), { kind: "delete" }),
  MergeStmt: (sight, { relation, mergeWhenClauses }) => {
    const table = relationName(relation ?? {});
    for (const { commandType, targetList } of all(mergeWhenClauses, "MergeWhenClause")) {
      const columns = all(targetList, "ResTarget").map(({ name = "" }) => name);
      if (commandType === "CMD_INSERT") lockForRows(sight, table, { kind: "insert" });
      if (commandType === "CMD_DELETE") lockForRows(sight, table, { kind: "delete" });
      if (commandType === "CMD_UPDATE") lockForRows(sight, table, { kind: "update", columns });
    }
  },
  SelectStmt: (sight, select) => {
    if (!select.lockingClause) return;
    for (const relation of relationsOf(select.fromClause)) lock(sight, relationName(relation), "ROW SHARE");
  },
  LockStmt: (sight, { relations, mode = 8 }) => {
    for (const relation of all(relations, "RangeVar"))
      lock(sight, relationName(relation), lockModes[mode - 1] ?? "ACCESS EXCLUSIVE");
  },
  TruncateStmt: (sight, { relations, behavior }) => {
    for (const relation of all(relations, "RangeVar"))
      lockForTruncate(sight, relationName(relation), behavior === "DROP_CASCADE");
  },

  IndexStmt: (sight, { relation, concurrent }) =>
    lock(sight, relationName(relation ?? {}), concurrent === true ? "SHARE UPDATE EXCLUSIVE" : "SHARE"),
  ReindexStmt: (sight, { kind, relation, params }) => {
    const isConcurrent = all(params, "DefElem").some(({ defname }) => defname === "concurrently");
    const name = relationName(relation ?? {});
    const table = kind === "REINDEX_OBJECT_INDEX" ? sight.model.indexes.get(name) : name;
    if (table !== undefined) lock(sight, table, isConcurrent ? "SHARE UPDATE EXCLUSIVE" : "SHARE");
  },
  CreateTrigStmt: (sight, { relation }) => lock(sight, relationName(relation ?? {}), "SHARE ROW EXCLUSIVE"),
  CreatePolicyStmt: (sight, { table }) => lock(sight, relationName(table ?? {}), "ACCESS EXCLUSIVE"),
  AlterPolicyStmt: (sight, { table }) => lock(sight, relationName(table ?? {}), "ACCESS EXCLUSIVE"),
  RuleStmt: (sight, { relation }) => lock(sight, relationName(relation ?? {}), "ACCESS EXCLUSIVE"),
  ViewStmt: (sight, { view, replace }) => {
    if (replace === true) lock(sight, relationName(view ?? {}), "ACCESS EXCLUSIVE");
  },
  CreateStatsStmt: (sight, { relations }) => {
    for (const relation of all(relations, "RangeVar")) lock(sight, relationName(relation), "SHARE UPDATE EXCLUSIVE");
  },
  RefreshMatViewStmt: (sight, { relation, concurrent }) =>
    lock(sight, relationName(relation ?? {}), concurrent === true ? "EXCLUSIVE" : "ACCESS EXCLUSIVE"),
  ClusterStmt: (sight, { relation }) => lock(sight, relationName(relation ?? {}), "ACCESS EXCLUSIVE"),
  VacuumStmt: (sight, { options, rels }) => {
    const isFull = all(options, "DefElem").some(({ defname }) => defname === "full");
    for (const { relation } of all(rels, "VacuumRelation"))
      lock(sight, relationName(relation ?? {}), isFull ? "ACCESS EXCLUSIVE" : "SHARE UPDATE EXCLUSIVE");
  },
  AlterObjectSchemaStmt: (sight, { relation }) => {
    if (relation !== undefined) lock(sight, relationName(relation), "ACCESS EXCLUSIVE");
  },
};

function alterTable(sight: LockSight, { relation, cmds, objtype }: Trees["AlterTableStmt"]): void {
  const table = relationName(relation ?? {});
  // ALTER INDEX and ALTER SEQUENCE come as ALTER TABLE too, and open no table.
  if (objtype === "OBJECT_INDEX" || objtype === "OBJECT_SEQUENCE") return;
  for (const command of all(cmds, "AlterTableCmd")) {
    if (command.subtype === "AT_AttachPartition" || command.subtype === "AT_DetachPartition")
      changePartition(sight, { table, command });
    else lock(sight, table, alterTableMode(command));
    lockOtherTables(sight, { table, command });
  }
}

function changePartition(sight: LockSight, { table, command }: { table: string; command: AlterTableCmd }): void {
  lockFamily(sight, table, alterTableMode(command));
  const partition = as(command.def, "PartitionCmd");
  const isMild = command.subtype === "AT_DetachPartition" && partition?.concurrent === true;
  lock(sight, relationName(partition?.name ?? {}), isMild ? "SHARE UPDATE EXCLUSIVE" : "ACCESS EXCLUSIVE");
}

/** Tables at the other end of a foreign key that comes, goes or is looked through. */
function lockOtherTables(sight: LockSight, { table: name, command }: { table: string; command: AlterTableCmd }): void {
  const { subtype, def, name: part = "", behavior } = command;
  const keys = [...all([def ?? {}] as never, "Constraint"), ...all(as(def, "ColumnDef")?.constraints, "Constraint")];
  for (const { pktable } of keys) if (pktable) lock(sight, relationName(pktable), "SHARE ROW EXCLUSIVE");
  const table = sight.model.tables.get(name);
  if (table === undefined) return;
  const named = table.foreignKeys.find((key) => key.name === part);
  if (subtype === "AT_ValidateConstraint" && named !== undefined) lock(sight, named.target, "ROW SHARE");
  if (subtype === "AT_DropConstraint") {
    if (named !== undefined) lock(sight, named.target, "ACCESS EXCLUSIVE");
    else if (behavior === "DROP_CASCADE") lockForDroppedKeys(sight, { ...table, foreignKeys: [] }, () => true);
  }
  if (subtype === "AT_DropColumn" || subtype === "AT_AlterColumnType")
    lockForDroppedKeys(sight, table, (columns) => columns.includes(part));
}

function createTable(sight: LockSight, { inhRelations, partbound, tableElts }: Trees["CreateStmt"]): void {
  for (const parent of all(inhRelations, "RangeVar")) {
    if (partbound === undefined) lock(sight, relationName(parent), "SHARE UPDATE EXCLUSIVE");
    else lockFamily(sight, relationName(parent), "ACCESS EXCLUSIVE");
  }
  const columns = all(tableElts, "ColumnDef").flatMap(({ constraints }) => all(constraints, "Constraint"));
  for (const { pktable } of [...columns, ...all(tableElts, "Constraint")])
    if (pktable) lock(sight, relationName(pktable), "SHARE ROW EXCLUSIVE");
}

/** They are named behind their table. */
const partsOfTables: ReadonlySet<string> = new Set([
  "OBJECT_COLUMN",
  "OBJECT_TABCONSTRAINT",
  "OBJECT_TRIGGER",
  "OBJECT_POLICY",
  "OBJECT_RULE",
]);

function comment(sight: LockSight, { objtype = "OBJECT_TABLE", object }: Trees["CommentStmt"]): void {
  const parts = nameParts(object);
  const isPart = partsOfTables.has(objtype);
  if (isPart || ["OBJECT_TABLE", "OBJECT_VIEW", "OBJECT_MATVIEW"].includes(objtype))
    lock(sight, (isPart ? parts.slice(0, -1) : parts).join("."), "SHARE UPDATE EXCLUSIVE");
}

function rename(sight: LockSight, { renameType, relation }: Trees["RenameStmt"]): void {
  if (relation === undefined || renameType === "OBJECT_INDEX" || renameType === "OBJECT_SEQUENCE") return;
  lock(sight, relationName(relation), "ACCESS EXCLUSIVE");
}
