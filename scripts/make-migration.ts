import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { listMigrationFiles, migrationFolders, type MigrationKind } from "../core/migrations/folders.ts";
import { readMigrations, type SqlMigration } from "../core/migrations/sql-files.ts";

export interface NewMigration {
  readonly kind: MigrationKind;
  /** Code instead of SQL. */
  readonly isScript?: boolean;
  readonly isExpand?: boolean;
  /** File name or number of the expand that it comes after. */
  readonly contract?: string | undefined;
}

/**
 * Writes `NNNN_<name>.sql` (or `.ts`) with the next number into the last folder of its kind and answers its path: with
 * TENANT_MIGRATIONS that is the importer's own, from 5000.
 * @throws Error when the name is not lower-case words joined by underscores, or `contract` names no expand.
 */
export function makeMigration(name: string, request: NewMigration): string {
  if (!/^[a-z][a-z0-9_]{2,60}$/.test(name)) throw new Error("name it in lower-case words, e.g. add_loyalty_points");
  const { kind, isScript = false } = request;
  const head = headOf(request);
  const folder = migrationFolders(kind).at(-1) ?? "";
  const path = join(folder, `${nextNumber(kind, folder)}_${name}.${isScript ? "ts" : "sql"}`);
  writeFileSync(path, isScript ? scriptText(head) : sqlText(head), { flag: "wx" });
  return path;
}

function nextNumber(kind: MigrationKind, folder: string): string {
  const isFirst = folder === migrationFolders(kind)[0];
  const last = listMigrationFiles(kind)
    .findLast((file) => file.folder === folder)
    ?.name.slice(0, 4);
  return String(last === undefined && !isFirst ? 5000 : Number(last ?? 0) + 1).padStart(4, "0");
}

function headOf({ kind, isExpand = false, contract }: NewMigration): string[] {
  if (isExpand && contract !== undefined) throw new Error("a migration is an expand or a contract, not both");
  if (contract === undefined) return ["why: ", ...(isExpand ? ["expand"] : [])];
  const expands = readMigrations(kind).filter(({ window }) => window?.step === "expand");
  const isMeant = ({ name }: SqlMigration): boolean => name === contract || name.split("_")[0] === contract;
  const after = expands.find(isMeant)?.name;
  if (after !== undefined) return ["why: ", `contract: ${after}`];
  const known = expands.map(({ name }) => name).join(", ");
  throw new Error(`${contract} is no migration with a line '-- expand'; there are: ${known === "" ? "none" : known}`);
}

const sqlText = (head: readonly string[]): string => `${head.map((line) => `-- ${line}\n`).join("")}-- up
-- Tables by their own names: each runs in one company's schema, and all of a file in one transaction.
-- What \`npm run migrate -- lint\` refuses it explains, with what to write instead (docs/MIGRATIONS.md).

-- down
-- The way back, newest first.

`;

const scriptText = (
  head: readonly string[],
): string => `${head.map((line) => `// ${line}\n`).join("")}import type { Knex } from "knex";

/** \`db\` is inside one company's schema, in a transaction that holds its locks until the end: read little, write little. */
export async function up(db: Knex): Promise<void> {
  await db.raw("SELECT 1");
}

export async function down(db: Knex): Promise<void> {
  await db.raw("SELECT 1");
}
`;
