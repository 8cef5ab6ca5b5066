/** Where migrations are read from. The product's own, unless the program says otherwise at its start. */
import { readdirSync } from "node:fs";
import { resolve } from "node:path";
import { projectPath } from "../paths.ts";

export type MigrationKind = "public" | "tenant";

export interface MigrationPath {
  /** What is recorded as applied: the file's name, `.ts` also of one that was built to `.js`. */
  readonly name: string;
  readonly path: string;
  readonly folder: string;
}

const folders = new Map<MigrationKind, readonly string[]>();
let generation = 0;

/** Changes with every call of useMigrationFolders: what was read before is not true any more. */
export const foldersGeneration = (): number => generation;

/** Files of an importer's own are numbered from 5000, the product's before: a name alone says whose it is. */
export const isOwnFile = (name: string): boolean => /^[5-9]\d{3}_/.test(name);

/** The product's own folder of a kind. */
export const migrationFolder = (kind: MigrationKind): string => projectPath("migrations", kind);

/** Whether it is one of the product's two, and no importer's. */
export const isProductFolder = (folder: string): boolean =>
  folder === migrationFolder("public") || folder === migrationFolder("tenant");

export const migrationFolders = (kind: MigrationKind): readonly string[] =>
  folders.get(kind) ?? [migrationFolder(kind)];

/** From now on migrations of this kind come from these folders, sorted together by name; undefined: the product's own. */
export function useMigrationFolders(kind: MigrationKind, list: readonly string[] | undefined): void {
  generation += 1;
  if (list === undefined) folders.delete(kind);
  else folders.set(kind, list);
}

/**
 * Adds a folder of an importer's own to the product's tenant migrations; undefined: none. Called when a program starts,
 * before it reads migrations; it holds for the whole process.
 */
export const useTenantMigrations = (folder: string | undefined): void =>
  useMigrationFolders("tenant", folder === undefined ? undefined : [migrationFolder("tenant"), resolve(folder)]);

/**
 * Files of all folders in the order in which they are applied.
 * @throws Error when a name is there twice, or a folder is not
 */
export function listMigrationFiles(kind: MigrationKind): MigrationPath[] {
  const files = migrationFolders(kind)
    .flatMap((folder) => listFolder(folder))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const twin = files.find(({ name }, i) => files[i + 1]?.name === name);
  if (twin !== undefined)
    throw new Error(
      `${twin.name} is there twice: number migrations of your own from 5000, and build scripts into another folder`,
    );
  return files;
}

const listFolder = (folder: string): MigrationPath[] =>
  readdirSync(folder)
    .filter((file) => file.endsWith(".sql") || scriptName.test(file))
    .map((file) => ({ name: file.replace(/\.js$/, ".ts"), path: `${folder}/${file}`, folder }));

/** Other files with code in them are the migrations' own business. */
const scriptName = /^\d{4}_[a-z0-9_]+\.(ts|js)$/;
