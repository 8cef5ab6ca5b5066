import type { Knex } from "knex";
import { runScript, sendAlone, sendThrough, type Direction } from "./apply-migration.ts";
import type { CompiledMigration } from "./compile.ts";

/** Our files as Knex sees migrations, so that Knex's own tables say what was applied and `knex migrate` stays possible. */
export function knexSource(migrations: readonly CompiledMigration[]): Knex.MigrationSource<CompiledMigration> {
  return {
    getMigrations: () => Promise.resolve([...migrations]),
    getMigrationName: (migration) => migration.name,
    getMigration: (migration) =>
      Promise.resolve({
        up: (db: Knex) => run(db, migration, "up"),
        down: (db: Knex) => run(db, migration, "down"),
        config: { transaction: migration.isTransactional },
      }),
  };
}

function run(db: Knex, migration: CompiledMigration, direction: Direction): Promise<unknown> {
  if (migration.script !== undefined) return runScript(db, migration, direction);
  const send = sendThrough(db);
  const statements = direction === "up" ? migration.statements : migration.downStatements;
  return migration.isTransactional ? send(statements.join("\n;\n")) : sendAlone(send, statements);
}
