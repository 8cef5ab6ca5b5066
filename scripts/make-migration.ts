import { writeFileSync } from "node:fs";
import { migrationFolder, readMigrations, type MigrationKind } from "../core/migrations/sql-files.ts";

/**
 * Writes `NNNN_<name>.sql` with the next number and answers its path.
 * @throws Error when the name is not lower-case words joined by underscores.
 */
export function makeMigration(name: string, kind: MigrationKind): string {
  if (!/^[a-z][a-z0-9_]{2,60}$/.test(name)) throw new Error("name it in lower-case words, e.g. add_loyalty_points");
  const last = readMigrations(kind).at(-1)?.name.slice(0, 4) ?? "0000";
  const path = `${migrationFolder(kind)}/${String(Number(last) + 1).padStart(4, "0")}_${name}.sql`;
  const text = "-- why: \n-- up\n\n-- down\n";
  writeFileSync(path, text, { flag: "wx" });
  return path;
}
