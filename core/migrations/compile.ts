/** Migrations compiled: every file split by PostgreSQL's own parser into single statements, once per process. */
import { analyseMigrations, type AnalysedMigration } from "./analysis/analyse.ts";
import type { TableLock } from "./analysis/lock-modes.ts";
import { withoutConcurrently } from "./concurrently.ts";
import { loadScript } from "./script.ts";
import { parseStatements } from "./analysis/syntax-tree.ts";
import { foldersGeneration } from "./folders.ts";
import { readMigrations, type MigrationKind, type SqlMigration } from "./sql-files.ts";

export interface CompiledMigration extends SqlMigration {
  /** SQL that may be one message, in one transaction with what comes before and after. */
  readonly isBatchable: boolean;
  /** Single statements without the closing semicolon: joined for PostgreSQL, sent one by one to servers like Citus. */
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

const compileAll = async (kind: MigrationKind) => compileMigrations(readMigrations(kind));

/** @param migrations in order, from the first: a file's locks depend on what those before it made */
export const compileMigrations = async (migrations: readonly SqlMigration[]): Promise<CompiledMigration[]> =>
  Promise.all((await analyseMigrations(migrations)).map(compile));

async function compile({ migration, up, down }: AnalysedMigration): Promise<CompiledMigration> {
  const statements = up.statements.map(({ text }) => text);
  const downStatements = down.statements.map(({ text }) => text);
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

/** A script may say it as Knex has it. */
const asksForTransaction = async ({ name, script }: SqlMigration): Promise<boolean> =>
  script === undefined || (await loadScript(name, script)).config?.transaction !== false;

/** The statements of a text, in order. */
export const splitStatements = async (sql: string): Promise<string[]> =>
  (await parseStatements(sql)).map(({ text }) => text);
