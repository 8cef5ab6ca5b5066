import type { CompiledMigration } from "../compile.ts";
import type { Direction } from "../apply-migration.ts";
import { blockedBy, type TableLock } from "./lock-modes.ts";

/**
 * What would be sent, as text that psql would run: under each file's name how it is run, the tables that wait for it, and
 * its exact statements. Files in the order in which they would be run: backwards for `down`.
 */
export function renderDryRun(migrations: readonly CompiledMigration[], direction: Direction): string {
  const files = direction === "up" ? migrations : migrations.toReversed();
  return files.map((migration) => renderFile(migration, direction)).join("\n");
}

function renderFile(migration: CompiledMigration, direction: Direction): string {
  const [statements, locks] =
    direction === "up" ? [migration.statements, migration.locks] : [migration.downStatements, migration.downLocks];
  const how = migration.isTransactional ? "" : ", each statement by itself";
  const head = [`-- ${migration.name} (${direction}${how})`, ...locks.map(renderLock)];
  if (migration.script !== undefined) return [...head, "-- code: what it sends is not known before", ""].join("\n");
  if (locks.length === 0) head.push("-- locks no table that is there before");
  return [...head, ...statements.map((statement) => `${statement};`), ""].join("\n");
}

function renderLock({ table, mode }: TableLock): string {
  const blocked = blockedBy(mode);
  return `-- locks ${table}: ${mode}${blocked === undefined ? "" : `, ${blocked} wait`}`;
}
