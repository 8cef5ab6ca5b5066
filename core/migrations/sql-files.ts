/** SQL migrations as files: `migrations/<kind>/0001_name.sql`, each with a line `-- up` and a line `-- down`. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { parseHead, type FileHead } from "./file-head.ts";
import { listMigrationFiles, type MigrationKind } from "./folders.ts";
import { MigrationFileError } from "./migration-file-error.ts";

export { migrationFolder, type MigrationKind } from "./folders.ts";

export interface SqlMigration extends FileHead {
  /** File name; what Knex's own table records. */
  readonly name: string;
  readonly up: string;
  readonly down: string;
  /** Lines of the file on which they begin, from 1. */
  readonly upLine: number;
  readonly downLine: number;
  /** SHA-256 of the file, hex. */
  readonly checksum: string;
}

/** All migrations of a kind in the order they are applied. @throws MigrationFileError naming the file that is not well formed. */
export const readMigrations = (kind: MigrationKind): SqlMigration[] =>
  listMigrationFiles(kind).map(({ name, path }) => parseMigration(name, readFileSync(path, "utf8")));

/** @throws MigrationFileError when the name has no number or a section is missing, empty or twice there. */
export function parseMigration(name: string, text: string): SqlMigration {
  if (!/^\d{4}_[a-z0-9_]+\.sql$/.test(name))
    throw problem(name, 1, "not-well-formed", "name migrations like 0042_what_it_does.sql");
  const sections = text.split(/^-- (up|down)[ \t]*$/m);
  const [head = "", first, up = "", second, down = ""] = sections;
  if (first === "up" && (sections.length === 3 || (second === "down" && down.trim() === "")))
    throw problem(name, lineOf(head), "missing-down", "needs a line '-- down' and under it the way back");
  if (sections.length !== 5 || first !== "up" || second !== "down")
    throw problem(name, lineOf(head), "not-well-formed", "needs one line '-- up' followed by one line '-- down'");
  if (up.trim() === "") throw problem(name, lineOf(head), "not-well-formed", "needs statements under '-- up'");
  return {
    name,
    up: up.trim(),
    down: down.trim(),
    upLine: lineOf(head + leadingSpace(up)),
    downLine: lineOf(head + up + leadingSpace(down)),
    checksum: createHash("sha256").update(text).digest("hex"),
    ...parseHead(name, head),
  };
}

/** Line on which the text after this one begins. The markers between sections end no line: what follows them does. */
const lineOf = (before: string): number => before.split("\n").length;

const leadingSpace = (text: string): string => /^\s*/.exec(text)?.[0] ?? "";

const problem = (name: string, line: number, code: MigrationFileError["code"], message: string) =>
  new MigrationFileError(name, { code, line, message });
