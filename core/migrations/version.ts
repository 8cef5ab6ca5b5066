/** Names exactly the migrations that a tenant's schema has in it. */
import { createHash } from "node:crypto";
import { compiledMigrations } from "./compile.ts";
import type { SqlMigration } from "./sql-files.ts";

/** The version that this process makes: `0014_people.sql <16 hex digits>`. */
export const tenantVersion = async (): Promise<string> => versionOf(await compiledMigrations("tenant"));

/** The last migration's name, and a hash of the names and checksums of all. */
export function versionOf(migrations: readonly Pick<SqlMigration, "name" | "checksum">[]): string {
  const hash = createHash("sha256");
  for (const { name, checksum } of migrations) hash.update(`${name} ${checksum}\n`);
  return `${migrations.at(-1)?.name ?? "0000"} ${hash.digest("hex").slice(0, 16)}`;
}

/** A release that knows more migrations made it: one that does not can neither migrate nor judge it. */
export const isNewerVersion = (version: string, than: string): boolean =>
  (version.split(" ")[0] ?? "") > (than.split(" ")[0] ?? "");

/** Whether who has (or knows) this version lacks the migration of that file name. */
export const isOlderThan = (version: string, file: string): boolean => (version.split(" ")[0] ?? "") < file;

/** Of a schema whose history nobody has read yet: behind every version, and looked at before anything is done to it. */
export const unknownVersion = "0000 unknown";
