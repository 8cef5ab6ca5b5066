import { loadConfig, type Config } from "../core/config.ts";
import { useTenantMigrations } from "../core/migrations/folders.ts";
import { readConnection } from "./embedded/connection-file.ts";

/**
 * The environment, also as to where migrations are; filled up with the running embedded stack's addresses from DATA_DIR/connection.json.
 * @throws Error when neither names a database.
 */
export async function scriptConfig(): Promise<Config> {
  const config = loadConfig(process.env);
  useTenantMigrations(config.TENANT_MIGRATIONS);
  const running = await readConnection(config.DATA_DIR);
  const DATABASE_URL = config.DATABASE_URL ?? running?.databaseUrl;
  const REDIS_URL = config.REDIS_URL ?? running?.redisUrl;
  if (DATABASE_URL === undefined) {
    throw new Error("No database: run 'npm start' in another terminal, or set DATABASE_URL and REDIS_URL.");
  }
  const tenants = running && new URL(running.runtimeHttpsUrl);
  return {
    ...config,
    DATABASE_URL,
    ...(REDIS_URL === undefined ? {} : { REDIS_URL }),
    // Links carry the port that the running stack has, which may not be the usual one.
    ...(tenants && process.env["RUNTIME_HTTPS_PORT"] === undefined
      ? { RUNTIME_HTTPS_PORT: Number(tenants.port || 443) }
      : {}),
  };
}
