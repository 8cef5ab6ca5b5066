/** SQL migrations as files: `migrations/<kind>/0001_name.sql`, each with a line `-- up` and a line `-- down`. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { projectPath } from "../paths.ts";
import { migrationFolders } from "./folders.ts";

export type MigrationKind = "public" | "tenant";

export interface SqlMigration {
  /** File name; what Knex's own table records. */
  readonly name: string;
  readonly up: string;
  readonly down: string;
  /** SHA-256 of the file, hex. */
  readonly checksum: string;
  /** False where a line `-- no-transaction` says so: each statement is sent by itself, e.g. CREATE INDEX CONCURRENTLY. */
  readonly isTransactional: boolean;
  /** Its place in a change of two steps; undefined where nobody has to wait for anything. */
  readonly window: Window | undefined;
}

/**
 * `-- expand`: adds what the release before does not miss. `-- contract: 0015_name.sql`: takes away what only releases before that
 * file's expand still use, so it waits until no tenant and no process is older.
 */
export type Window = { readonly step: "expand" } | { readonly step: "contract"; readonly after: string };

export const migrationFolder = (kind: MigrationKind): string => projectPath("migrations", kind);

/** All migrations of a kind in the order they are applied. @throws Error naming the file that is not well formed. */
export function readMigrations(kind: MigrationKind): SqlMigration[] {
  const files = migrationFolders(kind).flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.endsWith(".sql"))
      .map((name) => ({ name, path: `${folder}/${name}` })),
  );
  return files
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, path }) => parseMigration(name, readFileSync(path, "utf8")));
}

/** @throws Error when the name has no number or a section is missing, empty or twice there. */
export function parseMigration(name: string, text: string): SqlMigration {
  if (!/^\d{4}_[a-z0-9_]+\.sql$/.test(name)) throw new Error(`${name}: name migrations like 0042_what_it_does.sql`);
  const sections = text.split(/^-- (up|down)[ \t]*$/m);
  if (sections.length !== 5 || sections[1] !== "up" || sections[3] !== "down") {
    throw new Error(`${name}: needs one line '-- up' followed by one line '-- down'`);
  }
  const [, , up = "", , down = ""] = sections;
  if (up.trim() === "" || down.trim() === "") throw new Error(`${name}: both sections need statements`);
  const checksum = createHash("sha256").update(text).digest("hex");
  return { name, up: up.trim(), down: down.trim(), checksum, ...parseHead(name, sections[0] ?? "") };
}

/** The lines before `-- up`: why it is there, and how it wants to be run. @throws Error for a line that says neither. */
function parseHead(name: string, head: string): Pick<SqlMigration, "isTransactional" | "window"> {
  let isTransactional = true;
  let window: Window | undefined;
  for (const line of head.split("\n").filter((text) => text.trim() !== "")) {
    const [, word = "", value = ""] = /^-- ([a-z-]+)(?:: *(.*\S))?\s*$/.exec(line) ?? [];
    if (word === "no-transaction" && value === "") isTransactional = false;
    else if (word === "expand" && value === "") window = { step: "expand" };
    else if (word === "contract" && value !== "") window = { step: "contract", after: value };
    else if (word !== "why")
      throw new Error(
        `${name}: '${line}' is no '-- why: …', '-- no-transaction', '-- expand' or '-- contract: <file>'`,
      );
  }
  return { isTransactional, window };
}
