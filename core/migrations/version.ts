/** Names exactly the migrations that a tenant's schema has in it, and says which of two has more. */
import { createHash } from "node:crypto";
import { compiledMigrations } from "./compile.ts";
import { isOwnFile } from "./folders.ts";
import type { SqlMigration } from "./sql-files.ts";

type File = Pick<SqlMigration, "name" | "checksum">;

/** The version that this process makes: `0014_people.sql <16 hex digits>`. */
export const tenantVersion = async (): Promise<string> => versionOf(await compiledMigrations("tenant"));

/**
 * The last name of the product's files and, where there are any, of an importer's own (`0014_people.sql+5003_points.sql`:
 * neither says anything of the other), and a hash of the names and checksums of all.
 */
export function versionOf(files: readonly File[]): string {
  const product = files.findLast(({ name }) => !isOwnFile(name))?.name ?? "0000";
  const own = files.findLast(({ name }) => isOwnFile(name))?.name;
  return `${own === undefined ? product : `${product}+${own}`} ${hashOf(files)}`;
}

function hashOf(files: readonly File[]): string {
  const hash = createHash("sha256");
  for (const { name, checksum } of files) hash.update(`${name} ${checksum}\n`);
  return hash.digest("hex").slice(0, 16);
}

/** What a person reads of a version: the last files. */
export const nameOf = (version: string): string => version.split(" ")[0] ?? "";

/**
 * Whether who has (or knows) the one lacks some of the other: a version, or a migration's file name. Of two versions each may lack what
 * the other has. The registry's is_behind says the same.
 */
export const isBehind = (version: string, than: string): boolean =>
  productFile(version) < productFile(than) || ownFile(version) < ownFile(than);

/** A release that knows more migrations made it: one that does not can neither migrate nor judge it. */
export const isNewerVersion = (version: string, than: string): boolean => isBehind(than, version);

/**
 * Those of these files that the version has in it; undefined where these files never made it: a newer release did, or one of them
 * was another then.
 */
export function filesOfVersion<F extends File>(all: readonly F[], version: string): readonly F[] | undefined {
  const hash = version.split(" ")[1];
  const own = ownFile(version);
  const upTo = (product: string) => all.filter(({ name }) => name <= (isOwnFile(name) ? own : product));
  return productsMeant(all, version)
    .map(upTo)
    .find((files) => hashOf(files) === hash);
}

/** Releases that named the last of all files, `5003_points.sql`, did not say how many of the product's came with it. */
function productsMeant(all: readonly File[], version: string): string[] {
  if (!isOwnFile(version)) return [productFile(version)];
  return ["", ...all.map(({ name }) => name).filter((name) => !isOwnFile(name))].toReversed();
}

const productFile = (version: string): string => /^[0-4]\d{3}_[^+ ]*/.exec(version)?.[0] ?? "";
const ownFile = (version: string): string => /(?:^|\+)([5-9]\d{3}_[^ ]*)/.exec(version)?.[1] ?? "";

/** Of a schema whose history nobody has read yet: behind every version, and looked at before anything is done to it. */
export const unknownVersion = "0000 unknown";
