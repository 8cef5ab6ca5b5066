import type { Config } from "./config.ts";
import { openDatabase } from "./db.ts";
import { harden } from "./isolation/harden.ts";
import { ensureScratchTenants } from "./isolation/scratch-tenants.ts";
import { migratePublic } from "./migrations/run.ts";
import type { Secrets } from "./secrets.ts";
import { ensureServiceRoles } from "./service-roles.ts";
import { ensureSigningKey } from "./signing-keys.ts";

/**
 * An empty database becomes a platform: service roles, `public` at its newest version, nothing open to tenants that they
 * need not have, signing keys. Safe to repeat.
 */
export async function setUpDatabase(databaseUrl: string, secrets: Secrets): Promise<readonly string[]> {
  const db = openDatabase(databaseUrl, { name: "setup", max: 1 });
  try {
    await ensureServiceRoles(db, secrets);
    const { names } = await migratePublic(databaseUrl);
    await ensureScratchTenants(db);
    await harden(db);
    await ensureSigningKey(db, secrets, "platform");
    await ensureSigningKey(db, secrets, "tenant");
    return names;
  } finally {
    await db.destroy();
  }
}

/** The URL that a program cannot do without. */
export function requireDatabaseUrl(config: Config): string {
  if (config.DATABASE_URL !== undefined) return config.DATABASE_URL;
  throw new Error("DATABASE_URL is not set. `npm start` brings up an embedded server; a single program needs the URL.");
}

export function requireRedisUrl(config: Config): string {
  if (config.REDIS_URL !== undefined) return config.REDIS_URL;
  throw new Error("REDIS_URL is not set. `npm start` brings up an embedded server; a single program needs the URL.");
}
