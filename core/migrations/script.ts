/** Migrations in TypeScript: `export function up(db)` and `down(db)`, in the same order as the SQL files. */
import { pathToFileURL } from "node:url";
import type { Knex } from "../db.ts";
import { MigrationFileError } from "./migration-file-error.ts";

export interface MigrationScript {
  /** `db` is inside the tenant's schema, in a transaction unless the file says `// no-transaction`. */
  up(db: Knex): Promise<unknown> | void;
  down(db: Knex): Promise<unknown> | void;
  /** As Knex has it; `transaction: false` is the same as `// no-transaction`. */
  readonly config?: { readonly transaction?: boolean };
}

/** Imports the file, once per process. @throws MigrationFileError when it does not export both ways. */
export async function loadScript(name: string, path: string): Promise<MigrationScript> {
  const { up, down, config } = await importModule(path);
  for (const [way, value] of Object.entries({ up, down }))
    if (typeof value !== "function")
      throw new MigrationFileError(name, {
        code: way === "down" ? "missing-down" : "not-well-formed",
        line: 1,
        message: `needs 'export async function ${way}(db)'`,
      });
  return { up, down, ...(config === undefined ? {} : { config }) } as MigrationScript;
}

/** A program that was built runs without tsx, and Node 20 reads no TypeScript by itself. */
async function importModule(path: string): Promise<Partial<MigrationScript>> {
  const url = pathToFileURL(path).href;
  try {
    return (await import(url)) as Partial<MigrationScript>;
  } catch (error) {
    if ((error as { code?: string }).code !== "ERR_UNKNOWN_FILE_EXTENSION") throw error;
    const { tsImport } = await import("tsx/esm/api");
    return (await tsImport(url, import.meta.url)) as Partial<MigrationScript>;
  }
}
