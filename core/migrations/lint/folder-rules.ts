/** Rules about the files of a folder among each other. */
import { isOwnFile, isProductFolder, type MigrationPath } from "../folders.ts";
import type { Checksums } from "../history.ts";
import type { SqlMigration } from "../sql-files.ts";
import { isRuleCode, type Hit } from "./rules.ts";

export interface FileHit extends Hit {
  readonly name: string;
  readonly line: number;
}

const numberOf = (name: string): string => name.slice(0, 4);

/** Each folder counts by itself: who wrote the one does not know the other. @param files all, also those that could not be read */
export function orderHits(files: readonly MigrationPath[], sealed: Checksums): FileHit[] {
  return files.flatMap(({ name, folder }): FileHit[] => {
    if (sealed[name] !== undefined) return [];
    const others = files.filter((other) => other.folder === folder && other.name !== name).map((other) => other.name);
    const twin = others.find((other) => numberOf(other) === numberOf(name));
    const last = others.findLast((other) => sealed[other] !== undefined) ?? "";
    if (/^\d{4}_/.test(name) && isOwnFile(name) === isProductFolder(folder))
      return [{ name, line: 1, code: "wrong-number", what: isOwnFile(name) ? "is 5000 or more" : "is less than 5000" }];
    if (twin !== undefined) return [{ name, line: 1, code: "duplicate-number", what: `${twin} has its number` }];
    return name < last ? [{ name, line: 1, code: "out-of-order", what: `${last} is released` }] : [];
  });
}

/** Sealed files that are gone or are not what they were. */
export function historyHits(
  migrations: readonly SqlMigration[],
  names: readonly string[],
  sealed: Checksums,
): FileHit[] {
  const missing = Object.keys(sealed).filter((name) => !names.includes(name));
  const edited = migrations.filter(({ name, checksum }) => (sealed[name] ?? checksum) !== checksum);
  const hit = (name: string, what: string): FileHit => ({ name, line: 1, code: "edited-history", what });
  return [
    ...missing.map((name) => hit(name, "is sealed and is gone")),
    ...edited.map(({ name }) => hit(name, "is not what was sealed")),
  ];
}

/** What a file's head says of itself and of others. */
export function headHits(migration: SqlMigration, earlier: readonly SqlMigration[]): FileHit[] {
  const { name, window, why, accepted } = migration;
  const hits: FileHit[] = [];
  if (why === "") hits.push({ name, line: 1, code: "missing-why", what: "says nothing" });
  for (const { code, line } of accepted)
    if (!isRuleCode(code)) hits.push({ name, line, code: "unknown-accept", what: `-- accept: ${code}` });
  const after = window?.step === "contract" ? window.after : undefined;
  const expand = earlier.find((other) => other.name === after);
  if (after !== undefined && expand?.window?.step !== "expand")
    hits.push({
      name,
      line: 1,
      code: "unknown-contract",
      what: expand === undefined ? `no earlier file is named ${after}` : `${after} is no '-- expand'`,
    });
  return hits;
}
