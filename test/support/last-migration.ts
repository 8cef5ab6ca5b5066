/** The newest migration of tenants, as something that a company may lack. */
import { readMigrations } from "../../core/migrations/sql-files.ts";
import { unknownVersion } from "../../core/migrations/version.ts";
import type { Platform } from "./platform.ts";

const newest = readMigrations("tenant").at(-1)!;

export const lastMigration = newest.name;

/** As if the newest migration were not there yet. */
export async function undoLastMigration(platform: Platform, schema: string): Promise<void> {
  await platform.query(`SET search_path TO ${schema}; ${newest.down}; RESET search_path`);
  await forgetLastMigration(platform, schema);
}

/** The schema has it in it, and does not know. */
export async function forgetLastMigration(platform: Platform, schema: string): Promise<void> {
  await platform.query(`DELETE FROM ${schema}.knex_migrations WHERE name = $1`, [lastMigration]);
  await platform.query("UPDATE tenant_versions SET version = $2 WHERE 'tenant_' || tenant_id = $1", [
    schema,
    unknownVersion,
  ]);
}
