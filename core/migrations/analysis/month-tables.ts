/**
 * Tables whose file parts them by a time, with a default partition: `t … PARTITION BY RANGE (at)` and `t_default`. They are
 * made as one table and parted when they are large (public migration 0015): for each partition that is made PostgreSQL
 * reads the constraints of all schemas of the database, 0.4 s with 1,000 of them and 1.3 s with 5,000.
 */
import { scan } from "libpg-query";
import pg from "pg";
import type { AnalysedMigration } from "./analyse.ts";
import { all, as, nameParts, relationName, relationsOf, walk, type Statement, type Trees } from "./syntax-tree.ts";

export interface MonthTable {
  readonly name: string;
  /** Column that says the month. */
  readonly key: string;
}

/** PostgreSQL cuts off what is longer. */
const longestName = 63;

export const defaultPartition = (table: string): string => `${table}_default`;

/**
 * Those of them that can be made as one table: no statement of any file needs the partitions, and nothing hangs on the
 * table that could not be moved to the one that takes its place, as a trigger or somebody's foreign key would.
 */
export function monthTables(migrations: readonly AnalysedMigration[]): MonthTable[] {
  const sections = migrations.flatMap(({ up, down }) => [
    { statements: up.statements, isDown: false },
    { statements: down.statements, isDown: true },
  ]);
  const statements = sections.flatMap(({ statements: some, isDown }) =>
    some.map((statement) => ({ statement, isDown })),
  );
  return statements.flatMap(({ statement, isDown }) => {
    const table = isDown ? undefined : partedByTime(statement);
    if (table === undefined || !statements.some((one) => !one.isDown && makesDefault(one.statement, table))) return [];
    return statements.every((one) => isIndifferent(one.statement, table, one.isDown)) ? [table] : [];
  });
}

/** What to send in the statement's place; undefined: nothing. */
export async function asOneTable(statement: Statement, tables: readonly MonthTable[]): Promise<string | undefined> {
  const { text } = statement;
  if (tables.some((table) => makesDefault(statement, table))) return undefined;
  const made = partedByTime(statement);
  if (made !== undefined && tables.some(({ name }) => name === made.name)) return withoutPartitionBy(text);
  const dropped = tables.find((table) => dropsDefault(statement, table));
  return dropped === undefined ? text : `DROP TABLE IF EXISTS ${pg.escapeIdentifier(defaultPartition(dropped.name))}`;
}

function partedByTime({ tree }: Statement): MonthTable | undefined {
  const { relation, partspec } = as(tree, "CreateStmt") ?? {};
  const keys = all(partspec?.partParams, "PartitionElem");
  const [{ name: key = "" } = {}] = keys;
  if (partspec?.strategy !== "PARTITION_STRATEGY_RANGE" || keys.length !== 1 || key === "") return undefined;
  const name = relationName(relation ?? {});
  return Buffer.byteLength(defaultPartition(name)) > longestName ? undefined : { name, key };
}

function makesDefault({ tree }: Statement, { name }: MonthTable): boolean {
  const { relation, inhRelations, partbound, tableElts = [] } = as(tree, "CreateStmt") ?? {};
  const isItsPart = all(inhRelations, "RangeVar").some((parent) => relationName(parent) === name);
  const isDefault = partbound?.is_default === true && tableElts.length === 0;
  return isItsPart && isDefault && relationName(relation ?? {}) === defaultPartition(name);
}

function dropsDefault({ tree }: Statement, { name }: MonthTable): boolean {
  const { removeType, objects = [] } = as(tree, "DropStmt") ?? {};
  return removeType === "OBJECT_TABLE" && objects.length === 1 && nameParts(objects[0])[0] === defaultPartition(name);
}

/** True when it means the same of one table as of one that is parted. */
function isIndifferent(statement: Statement, table: MonthTable, isDown: boolean): boolean {
  const { tree, kind, text } = statement;
  if (partedByTime(statement)?.name === table.name || makesDefault(statement, table)) return !isDown;
  if (dropsDefault(statement, table)) return isDown;
  if (kind === "DoStmt") return !text.includes(table.name);
  const { removeType, objects = [] } = as(tree, "DropStmt") ?? {};
  if (removeType === "OBJECT_TABLE")
    return objects.every((each) => nameParts(each)[0] !== defaultPartition(table.name));
  const named = new Set(relationsOf(tree).map(relationName));
  if (named.has(defaultPartition(table.name))) return false;
  if (!named.has(table.name)) return true;
  if (kind === "AlterTableStmt") return isMovable(as(tree, "AlterTableStmt") as Trees["AlterTableStmt"], table);
  if (kind === "RenameStmt") return as(tree, "RenameStmt")?.subname !== undefined && !text.includes(table.key);
  return rowsOnly.has(kind);
}

/** Of those that name a table: they look at rows, or make what is made anew when the table is parted. */
const rowsOnly: ReadonlySet<string> = new Set([
  "CommentStmt",
  "DeleteStmt",
  "IndexStmt",
  "InsertStmt",
  "LockStmt",
  "SelectStmt",
  "UpdateStmt",
  "VacuumStmt",
]);

const bound = /Partition|Trig|Rule|RowSecurity|Inherit|Identity/;

function isMovable({ relation, cmds }: Trees["AlterTableStmt"], { name }: MonthTable): boolean {
  if (relationName(relation ?? {}) !== name) return false;
  let pointsBack = false;
  walk(cmds, ({ pktable }) => {
    if (pktable !== undefined && relationName(pktable as Trees["RangeVar"]) === name) pointsBack = true;
  });
  return !pointsBack && all(cmds, "AlterTableCmd").every(({ subtype = "" }) => !bound.test(subtype));
}

/** The clause is the last one: a tablespace or a parameter behind it is left where it is. */
async function withoutPartitionBy(text: string): Promise<string> {
  const { tokens } = await scan(text);
  const isWord = (word: string, at: number) => tokens[at]?.text.toUpperCase() === word;
  const start = tokens.findLastIndex((_, at) => isWord("PARTITION", at) && isWord("BY", at + 1));
  const end = tokens.findIndex(({ text: token }, at) => at > start && token === ")");
  // Positions are in bytes, not characters.
  const bytes = Buffer.from(text);
  const [from, to] = [tokens[start]?.start ?? bytes.length, tokens[end]?.end ?? bytes.length];
  return `${bytes.subarray(0, from).toString("utf8").trimEnd()}${bytes.subarray(to).toString("utf8")}`;
}
