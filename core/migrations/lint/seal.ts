import { writeFileSync } from "node:fs";
import { listMigrationFiles, migrationFolders, type MigrationKind } from "../folders.ts";
import { historyPath, readHistoryFile } from "../history.ts";
import { readMigration } from "../sql-files.ts";
import { renderFinding } from "./finding.ts";
import { lintMigrations } from "./lint-migrations.ts";

/**
 * Makes the files that are new history: from now on their text may not change. Answers the names that were added.
 * @throws Error with the findings when the lint finds an error; then nothing is sealed
 */
export async function sealMigrations(kind?: MigrationKind): Promise<string[]> {
  const errors = (await lintMigrations({ kind })).filter(({ level }) => level === "error");
  if (errors.length > 0) throw new Error(`mend these first:\n${errors.map(renderFinding).join("\n")}`);
  const kinds: readonly MigrationKind[] = kind === undefined ? ["public", "tenant"] : [kind];
  return kinds.flatMap((each) => migrationFolders(each).flatMap((folder) => sealFolder(each, folder)));
}

/** What is sealed already is not touched. */
function sealFolder(kind: MigrationKind, folder: string): string[] {
  const history = readHistoryFile(folder);
  const added = listMigrationFiles(kind)
    .filter((file) => file.folder === folder && history[kind][file.name] === undefined)
    .map(readMigration);
  if (added.length === 0) return [];
  const entries = [...Object.entries(history[kind]), ...added.map(({ name, checksum }) => [name, checksum] as const)];
  const sorted = Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
  writeFileSync(historyPath(folder), `${JSON.stringify({ ...history, [kind]: sorted }, null, 2)}\n`);
  return added.map(({ name }) => name);
}
