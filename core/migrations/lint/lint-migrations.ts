/** Looks migrations over before they are released; sealed files are history and are only held to be what they were. */
import { relative } from "node:path";
import type { Knex } from "../../db.ts";
import { analyseMigrations } from "../analysis/analyse.ts";
import { parseStatements } from "../analysis/syntax-tree.ts";
import { listEdited } from "../applied.ts";
import { readHistory } from "../history.ts";
import { MigrationFileError } from "../migration-file-error.ts";
import { listMigrationFiles, migrationFolder } from "../folders.ts";
import type { MigrationKind, MigrationPath } from "../folders.ts";
import { loadScript } from "../script.ts";
import { readMigration, type SqlMigration } from "../sql-files.ts";
import { newFinding, type LintFinding } from "./finding.ts";
import { fileHits } from "./file-rules.ts";
import { scriptHits } from "./script-rules.ts";
import { headHits, historyHits, orderHits, type FileHit } from "./folder-rules.ts";
import { isRuleCode, type RuleCode } from "./rules.ts";

export interface LintRequest {
  /** Absent: both. */
  readonly kind?: MigrationKind | undefined;
  /** A database whose history is compared as well. */
  readonly db?: Knex | undefined;
}

/** In the order of files and lines; empty when nothing is wrong. Changes nothing. */
export async function lintMigrations({ kind, db }: LintRequest = {}): Promise<LintFinding[]> {
  const kinds: readonly MigrationKind[] = kind === undefined ? ["public", "tenant"] : [kind];
  const found = await Promise.all(kinds.map((each) => lintKind(each, db)));
  return found.flat();
}

async function lintKind(kind: MigrationKind, db: Knex | undefined): Promise<LintFinding[]> {
  const files = listMigrationFiles(kind);
  const sealed = readHistory(kind);
  const { readable, unreadable } = await readAll(files);
  const names = files.map(({ name }) => name);
  const hits: FileHit[] = [...unreadable, ...orderHits(files, sealed), ...historyHits(readable, names, sealed)];
  for (const [at, migration] of readable.entries())
    if (sealed[migration.name] === undefined) hits.push(...headHits(migration, readable.slice(0, at)));
  for (const { name, script } of readable)
    if (script !== undefined && sealed[name] === undefined) hits.push(...scriptHits(name, script));
  for (const analysed of await analyseMigrations(readable))
    if (sealed[analysed.migration.name] === undefined) hits.push(...fileHits(kind, analysed));
  // Without every file the history of a database cannot be compared either.
  const edited = db === undefined || unreadable.length > 0 ? [] : await listEdited(db, kind);
  for (const name of edited) hits.push({ name, line: 1, code: "edited-history", what: "ran with another text" });
  return present(kind, files, hits);
}

/** Files that are migrations, and what is wrong with the others. */
async function readAll(files: readonly MigrationPath[]) {
  const readable: SqlMigration[] = [];
  const unreadable: FileHit[] = [];
  for (const file of files) {
    const read = await readOne(file);
    if ("up" in read) readable.push(read);
    else unreadable.push(read);
  }
  return { readable, unreadable };
}

async function readOne(file: MigrationPath): Promise<SqlMigration | FileHit> {
  const { name } = file;
  try {
    const migration = readMigration(file);
    if (migration.script !== undefined) {
      await loadScript(name, migration.script);
      return migration;
    }
    const { up, upLine, down, downLine } = migration;
    const broken =
      (await syntaxHit(name, { sql: up, line: upLine, ifEmpty: "not-well-formed" })) ??
      (await syntaxHit(name, { sql: down, line: downLine, ifEmpty: "missing-down" }));
    return broken ?? migration;
  } catch (error) {
    if (!(error instanceof MigrationFileError) || !isRuleCode(error.code)) throw error;
    return { name, line: error.line, code: error.code, what: error.message.replace(`${name}: `, "") };
  }
}

async function syntaxHit(
  name: string,
  { sql, line, ifEmpty }: { sql: string; line: number; ifEmpty: RuleCode },
): Promise<FileHit | undefined> {
  try {
    if ((await parseStatements(sql)).length > 0) return undefined;
    return { name, line, code: ifEmpty, what: "there are comments and no statements" };
  } catch (error) {
    const { sqlDetails, message } = error as Error & { sqlDetails?: { cursorPosition?: number } };
    const before = sql.slice(0, sqlDetails?.cursorPosition ?? 0);
    return { name, line: line + before.split("\n").length - 1, code: "syntax", what: message };
  }
}

function present(kind: MigrationKind, files: readonly MigrationPath[], hits: readonly FileHit[]): LintFinding[] {
  const paths = new Map(files.map(({ name, path }) => [name, path]));
  return hits
    .toSorted((a, b) => (a.name === b.name ? a.line - b.line : a.name < b.name ? -1 : 1))
    .map(({ name, line, code, what, level }) => {
      const path = relative(process.cwd(), paths.get(name) ?? `${migrationFolder(kind)}/${name}`);
      return newFinding({ kind, file: path, line }, { code, what, level });
    });
}
