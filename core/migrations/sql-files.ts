/** Migrations as files: `migrations/<kind>/0001_name.sql`, with a line `-- up` and a line `-- down`, or `0002_name.ts`. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { parseHead, type FileHead } from "./file-head.ts";
import { listMigrationFiles, type MigrationKind, type MigrationPath } from "./folders.ts";
import { readSeals } from "./history.ts";
import { MigrationFileError } from "./migration-file-error.ts";

export { migrationFolder, type MigrationKind } from "./folders.ts";

export interface SqlMigration extends FileHead {
  /** What Knex's own table records. */
  readonly name: string;
  /** Both empty where it is a script. */
  readonly up: string;
  readonly down: string;
  /** Lines of the file on which they begin, from 1. */
  readonly upLine: number;
  readonly downLine: number;
  /** SHA-256 of the file, hex; of a script that was built, that of its source where it is sealed. */
  readonly checksum: string;
  /** File to import: it is code that makes the change, not SQL. */
  readonly script: string | undefined;
}

/** All migrations of a kind in the order they are applied. @throws MigrationFileError naming the file that is not well formed. */
export const readMigrations = (kind: MigrationKind): SqlMigration[] => listMigrationFiles(kind).map(readMigration);

/** @throws MigrationFileError when it is not well formed */
export function readMigration(file: MigrationPath): SqlMigration {
  const text = readFileSync(file.path, "utf8");
  return file.path.endsWith(".sql") ? parseMigration(file.name, text) : parseScript(file, text);
}

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
    checksum: sha256(text),
    script: undefined,
    ...parseHead(name, head),
  };
}

/** The directives of a script are its first lines, as comments: `// why: …`. */
function parseScript({ name, path, folder }: MigrationPath, text: string): SqlMigration {
  const lines = text.split("\n");
  const end = lines.findIndex((line) => !line.startsWith("// "));
  const head = lines.slice(0, end === -1 ? lines.length : end).map((line) => line.replace("// ", "-- "));
  const sealed = path.endsWith(".js") ? readSeals(folder)[name] : undefined;
  return {
    name,
    up: "",
    down: "",
    upLine: 1,
    downLine: 1,
    checksum: sealed ?? sha256(text),
    script: path,
    ...parseHead(name, head.join("\n")),
  };
}

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

/** Line on which the text after this one begins; a section begins with the end of its marker's line. */
const lineOf = (before: string): number => before.split("\n").length;

const leadingSpace = (text: string): string => /^\s*/.exec(text)?.[0] ?? "";

const problem = (name: string, line: number, code: MigrationFileError["code"], message: string) =>
  new MigrationFileError(name, { code, line, message });
