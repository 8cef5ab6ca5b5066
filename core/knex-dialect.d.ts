/** Knex publishes its dialects as files without types; only what tenant-db.ts builds on is declared. */
declare module "knex/lib/dialects/postgres/index.js" {
  import type { Knex } from "knex";
  const PostgresDialect: typeof Knex.Client;
  export default PostgresDialect;
}
