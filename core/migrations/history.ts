/** Released files, by the text that they were released with: `checksums.json`, committed with them. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { isProductFolder, migrationFolder, migrationFolders, type MigrationKind } from "./folders.ts";

/** SHA-256 of each sealed file by its name, hex. */
export type Checksums = Readonly<Record<string, string>>;

/** One beside the product's two folders; a folder of an importer's own has its own in it. */
export const historyPath = (folder: string): string =>
  join(isProductFolder(folder) ? dirname(folder) : folder, "checksums.json");

/** All of a folder's file, by the kind of migrations. */
export function readHistoryFile(folder: string): Readonly<Record<MigrationKind, Checksums>> {
  const empty = { public: {}, tenant: {} };
  const path = historyPath(folder);
  return existsSync(path) ? { ...empty, ...(JSON.parse(readFileSync(path, "utf8")) as Partial<typeof empty>) } : empty;
}

/** What is sealed of a folder's files. */
export const readSeals = (folder: string): Checksums =>
  readHistoryFile(folder)[folder === migrationFolder("public") ? "public" : "tenant"];

/** What is sealed in all folders of a kind. */
export const readHistory = (kind: MigrationKind): Checksums =>
  Object.fromEntries(migrationFolders(kind).flatMap((folder) => Object.entries(readSeals(folder))));
