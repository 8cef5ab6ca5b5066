/** Migrations compiled: every file split by PostgreSQL's own parser into single statements, once per process. */
import { parse } from "libpg-query";
import { foldersGeneration } from "./folders.ts";
import { readMigrations, type MigrationKind, type SqlMigration } from "./sql-files.ts";

export interface CompiledMigration extends SqlMigration {
  /** Single statements without the closing semicolon: joined for PostgreSQL, sent one by one to servers like Citus. */
  readonly statements: readonly string[];
  /** The same of the way back. */
  readonly downStatements: readonly string[];
}

/** By kind, and by what was read. */
const compiled = new Map<string, Promise<readonly CompiledMigration[]>>();

/** @throws Error with the file's name when its SQL does not parse. */
export function compiledMigrations(kind: MigrationKind): Promise<readonly CompiledMigration[]> {
  const key = `${kind} ${foldersGeneration()}`;
  let result = compiled.get(key);
  if (result === undefined) {
    result = Promise.all(readMigrations(kind).map(compile));
    result.catch(() => compiled.delete(key));
    compiled.set(key, result);
  }
  return result;
}

async function compile(migration: SqlMigration): Promise<CompiledMigration> {
  try {
    const [statements, downStatements] = [await splitStatements(migration.up), await splitStatements(migration.down)];
    return { ...migration, statements, downStatements };
  } catch (error) {
    throw new Error(`${migration.name}: ${(error as Error).message}`, { cause: error });
  }
}

/** The statements of a text, in order. Positions of the parser are in bytes, not characters. */
export async function splitStatements(sql: string): Promise<string[]> {
  const bytes = Buffer.from(sql);
  const { stmts = [] } = await parse(sql);
  return stmts.map(({ stmt_location: start = 0, stmt_len: length }) => {
    const end = length === undefined || length === 0 ? bytes.length : start + length;
    return bytes
      .subarray(start, end)
      .toString("utf8")
      .replace(/^(\s|--[^\n]*(\n|$))+/, "")
      .trim();
  });
}
