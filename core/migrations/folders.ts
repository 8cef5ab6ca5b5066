/** Where migrations are read from. The product's own, unless the program says otherwise at its start. */
import { projectPath } from "../paths.ts";
import type { MigrationKind } from "./sql-files.ts";

const folders = new Map<MigrationKind, readonly string[]>();
let generation = 0;

/** Changes with every call of useMigrationFolders: what was read before is not true any more. */
export const foldersGeneration = (): number => generation;

export const migrationFolders = (kind: MigrationKind): readonly string[] =>
  folders.get(kind) ?? [projectPath("migrations", kind)];

/** From now on migrations of this kind come from these folders, sorted together by name; undefined: the product's own. */
export function useMigrationFolders(kind: MigrationKind, list: readonly string[] | undefined): void {
  generation += 1;
  if (list === undefined) folders.delete(kind);
  else folders.set(kind, list);
}
