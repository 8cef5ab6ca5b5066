/** SQL migrations as files: `migrations/<kind>/0001_name.sql`, each with a line `-- up` and a line `-- down`. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { projectPath } from "../paths.ts";

export type MigrationKind = "public" | "tenant";

export interface SqlMigration {
  /** File name; what Knex's own table records. */
  readonly name: string;
  readonly up: string;
  readonly down: string;
  /** SHA-256 of the file, hex. */
  readonly checksum: string;
}

export const migrationFolder = (kind: MigrationKind): string => projectPath("migrations", kind);

/** All migrations of a kind in the order they are applied. @throws Error naming the file that is not well formed. */
export function readMigrations(kind: MigrationKind): SqlMigration[] {
  const folder = migrationFolder(kind);
  const names = readdirSync(folder).filter((name) => name.endsWith(".sql"));
  return names.toSorted().map((name) => parseMigration(name, readFileSync(`${folder}/${name}`, "utf8")));
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
  return { name, up: up.trim(), down: down.trim(), checksum: createHash("sha256").update(text).digest("hex") };
}
