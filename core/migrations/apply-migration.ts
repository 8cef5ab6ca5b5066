/** One migration in one schema: the search path is the schema's already. */
import pg from "pg";
import type { Knex } from "../db.ts";
import type { CompiledMigration } from "./compile.ts";
import { builtConcurrently } from "./concurrently.ts";
import { loadScript } from "./script.ts";

export type Direction = "up" | "down";

/** Sends one statement without values. */
export type Send = (sql: string) => Promise<{ readonly rows: readonly unknown[] }>;

/**
 * Inside a transaction of the caller's. Of a file without one, what would be refused there is taken out: for schemas that
 * nobody else uses, e.g. one that is being made.
 */
export async function applyInTransaction(trx: Knex, migration: CompiledMigration, direction: Direction): Promise<void> {
  if (migration.script !== undefined) return runScript(trx, migration, direction);
  await sendThrough(trx)((direction === "up" ? migration.batch : migration.downBatch).join(";\n"));
}

/** A script, in `db` as it is: a transaction or not. */
export async function runScript(
  db: Knex,
  { name, script }: Pick<CompiledMigration, "name" | "script">,
  direction: Direction,
): Promise<void> {
  if (script !== undefined) await (await loadScript(name, script))[direction](db);
}

/**
 * Each statement by itself, outside of any transaction. After a crash it can be sent again: an index whose build was cut
 * off is dropped first, for IF NOT EXISTS would believe it.
 */
export async function sendAlone(send: Send, statements: readonly string[]): Promise<void> {
  for (const sql of statements) {
    const index = await builtConcurrently(sql);
    if (index !== undefined) await dropInvalid(send, index);
    await send(sql);
  }
}

async function dropInvalid(send: Send, index: string): Promise<void> {
  const name = pg.escapeIdentifier(index);
  const { rows } = await send(
    `SELECT FROM pg_index WHERE indexrelid = to_regclass(${pg.escapeLiteral(name)}) AND NOT indisvalid`,
  );
  if (rows.length > 0) await send(`DROP INDEX CONCURRENTLY IF EXISTS ${name}`);
}

/** Knex reads `?` as a placeholder even where PostgreSQL means an operator. */
export const sendThrough =
  (db: Knex): Send =>
  (sql) =>
    db.raw(sql.replaceAll("?", "\\?"));
