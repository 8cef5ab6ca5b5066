/** Released files, by the text that they were released with: `checksums.json`, committed with them. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { listMigrationFiles, migrationFolder, migrationFolders, type MigrationKind } from "./folders.ts";
import { readMigrations } from "./sql-files.ts";

/** SHA-256 of each sealed file by its name, hex. */
export type Checksums = Readonly<Record<string, string>>;

type History = Readonly<Record<MigrationKind, Checksums>>;

/** One beside the product's two folders; a folder of an importer's own has its own in it. */
const historyPath = (folder: string): string =>
  join(
    folder === migrationFolder("public") || folder === migrationFolder("tenant") ? dirname(folder) : folder,
    "checksums.json",
  );

/** What is sealed in all folders of a kind. */
export const readHistory = (kind: MigrationKind): Checksums =>
  Object.fromEntries(migrationFolders(kind).flatMap((folder) => Object.entries(readOne(folder)[kind])));

function readOne(folder: string): History {
  const empty: History = { public: {}, tenant: {} };
  const path = historyPath(folder);
  return existsSync(path) ? { ...empty, ...(JSON.parse(readFileSync(path, "utf8")) as Partial<History>) } : empty;
}

/** Adds the files that are not in it yet and answers their names; what is sealed already is not touched. */
export const writeHistory = (kind: MigrationKind): string[] =>
  migrationFolders(kind).flatMap((folder) => {
    const history = readOne(folder);
    const here = new Set(listMigrationFiles(kind).flatMap((file) => (file.folder === folder ? [file.name] : [])));
    const added = readMigrations(kind).filter(({ name }) => here.has(name) && history[kind][name] === undefined);
    if (added.length === 0) return [];
    const entries = [...Object.entries(history[kind]), ...added.map(({ name, checksum }) => [name, checksum] as const)];
    const sorted = Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
    writeFileSync(historyPath(folder), `${JSON.stringify({ ...history, [kind]: sorted }, null, 2)}\n`);
    return added.map(({ name }) => name);
  });
