/** Migrations compiled: every file split by PostgreSQL's own parser into single statements, once per process. */
import { analyseMigrations, type AnalysedMigration } from "./analysis/analyse.ts";
import type { TableLock } from "./analysis/lock-modes.ts";
import { asOneTable, monthTables, type MonthTable } from "./analysis/month-tables.ts";
import { withoutConcurrently } from "./concurrently.ts";
import { loadScript } from "./script.ts";
import { parseStatements, type Statement } from "./analysis/syntax-tree.ts";
import { foldersGeneration } from "./folders.ts";
import { readMigrations, type MigrationKind, type SqlMigration } from "./sql-files.ts";

export interface CompiledMigration extends SqlMigration {
  /** SQL that may be one message, in one transaction with what comes before and after. */
  readonly isBatchable: boolean;
  /**
   * Single statements without the closing semicolon: joined for PostgreSQL, sent one by one to servers like Citus. A table
   * that is parted only when it is large is made as one.
   */
  readonly statements: readonly string[];
  /** The same of the way back. */
  readonly downStatements: readonly string[];
  /** The statements as a transaction takes them, for a schema that nobody uses yet: without CONCURRENTLY. */
  readonly batch: readonly string[];
  readonly downBatch: readonly string[];
  /**
   * The strongest lock on each table that is there before the file, strongest first: taken together at the start, nothing
   * is held while a lock is waited for. What functions and DO blocks do inside is not in it.
   */
  readonly locks: readonly TableLock[];
  /** The same of the way back. */
  readonly downLocks: readonly TableLock[];
}

/** By kind, and by what was read. */
const compiled = new Map<string, Promise<readonly CompiledMigration[]>>();

/** @throws Error with the file's name when its SQL does not parse, or a script cannot be loaded. */
export function compiledMigrations(kind: MigrationKind): Promise<readonly CompiledMigration[]> {
  const key = `${kind} ${foldersGeneration()}`;
  let result = compiled.get(key);
  if (result === undefined) {
    result = compileAll(kind);
    result.catch(() => compiled.delete(key));
    compiled.set(key, result);
  }
  return result;
}

const compileAll = async (kind: MigrationKind) =>
  compileMigrations(readMigrations(kind), kind === "tenant" ? monthTables : undefined);

/**
 * @param migrations in order, from the first: a file's locks depend on what those before it made. @param whole says which
 * tables are made as one though they are parted later; absent: all are made as they are written
 */
export async function compileMigrations(
  migrations: readonly SqlMigration[],
  whole: (analysed: readonly AnalysedMigration[]) => readonly MonthTable[] = () => [],
): Promise<CompiledMigration[]> {
  const analysed = await analyseMigrations(migrations);
  const tables = whole(analysed);
  return Promise.all(analysed.map((each) => compile(each, tables)));
}

/** Of the tenants' migrations: what the platform parts by month when it is large. */
export const compiledMonthTables = async (): Promise<MonthTable[]> =>
  monthTables(await analyseMigrations(readMigrations("tenant")));

async function compile(
  { migration, up, down }: AnalysedMigration,
  tables: readonly MonthTable[],
): Promise<CompiledMigration> {
  const statements = await textsOf(up.statements, tables);
  const downStatements = await textsOf(down.statements, tables);
  const isTransactional = migration.isTransactional && (await asksForTransaction(migration));
  return {
    ...migration,
    isTransactional,
    isBatchable: isTransactional && migration.script === undefined,
    statements,
    downStatements,
    batch: isTransactional ? statements : await Promise.all(statements.map(withoutConcurrently)),
    downBatch: isTransactional ? downStatements : await Promise.all(downStatements.map(withoutConcurrently)),
    locks: up.locks,
    downLocks: down.locks,
  };
}

async function textsOf(statements: readonly Statement[], tables: readonly MonthTable[]): Promise<string[]> {
  const texts = await Promise.all(statements.map((statement) => asOneTable(statement, tables)));
  return texts.filter((text) => text !== undefined);
}

/** A script may say it as Knex has it. */
const asksForTransaction = async ({ name, script }: SqlMigration): Promise<boolean> =>
  script === undefined || (await loadScript(name, script)).config?.transaction !== false;

/** The statements of a text, in order. */
export const splitStatements = async (sql: string): Promise<string[]> =>
  (await parseStatements(sql)).map(({ text }) => text);
