import type { Knex } from "knex";
import type { SqlMigration } from "./sql-files.ts";

/** SQL files as Knex sees migrations, so that Knex's own tables say what was applied and `knex migrate` stays possible. */
export function knexSource(migrations: readonly SqlMigration[]): Knex.MigrationSource<SqlMigration> {
  return {
    getMigrations: () => Promise.resolve([...migrations]),
    getMigrationName: (migration) => migration.name,
    getMigration: (migration) =>
      Promise.resolve({
        up: (db: Knex) => db.raw(withoutPlaceholders(migration.up)),
        down: (db: Knex) => db.raw(withoutPlaceholders(migration.down)),
      }),
  };
}

/** Knex reads `?` as a placeholder even where PostgreSQL means an operator. */
const withoutPlaceholders = (sql: string): string => sql.replaceAll("?", "\\?");
