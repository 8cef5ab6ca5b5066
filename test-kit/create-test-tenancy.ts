import { openDatabase } from "../core/db.ts";
import { createLogger } from "../core/logger.ts";
import { createSecrets } from "../core/secrets.ts";
import { createShutdown, type Shutdown } from "../core/shutdown.ts";
import { loadSigningKeys } from "../core/signing-keys.ts";
import { createTokenService } from "../core/tokens.ts";
import { openTenancy } from "../tenant-runtime/library/index.ts";
import { createTenant } from "./create-tenant.ts";
import { createTestDatabase } from "./test-database.ts";
import { startTestServers } from "./test-servers.ts";
import type { TestTenancy, TestTenancyOptions } from "./test-tenancy.ts";
import { tokenFor } from "./token-for.ts";

const keyForTests = Buffer.from("secretaria-test-kit-32-bytes-key").toString("base64");

/**
 * A database cloned from a migrated template, which the first call on a server makes and leaves there. Test files, and
 * processes, side by side on one server do not meet.
 * @throws Error when a server does not answer, or its roles were made with another master key.
 */
export async function createTestTenancy(options: TestTenancyOptions = {}): Promise<TestTenancy> {
  const { masterKey = keyForTests, migrationsDir, log = createLogger("test", "silent") } = options;
  const shutdown = createShutdown(log);
  try {
    const { databaseUrl, redisUrl } = await findServers(options, shutdown);
    const database = await createTestDatabase(databaseUrl, Buffer.from(masterKey, "base64"));
    shutdown.add("test database", () => database.drop());
    const registry = openDatabase(database.url, { name: "test registry", max: 2 });
    shutdown.add("registry", () => registry.destroy());
    const own = migrationsDir === undefined ? {} : { migrationsDir };
    const opened = { databaseUrl: database.url, redisUrl, masterKey, ...own };
    const tenancy = await openTenancy({ ...opened, log, waitSeconds: 0 });
    shutdown.add("tenancy", () => tenancy.close());
    const secrets = createSecrets(Buffer.from(masterKey, "base64"));
    const tokens = createTokenService(await loadSigningKeys(registry, secrets, "tenant"));
    return {
      tenancy,
      options: opened,
      registry,
      createTenant: (tenant = {}) => createTenant(registry, tenancy, tenant),
      tokenFor: (tenant, wanted) => tokenFor(tokens, tenant, wanted),
      close: () => shutdown.run("test over"),
    };
  } catch (error) {
    await shutdown.run("test tenancy did not open");
    throw error;
  }
}

async function findServers(
  { databaseUrl, redisUrl }: TestTenancyOptions,
  shutdown: Shutdown,
): Promise<{ databaseUrl: string; redisUrl: string }> {
  if (databaseUrl !== undefined && redisUrl !== undefined) return { databaseUrl, redisUrl };
  const servers = await startTestServers({ databaseUrl, redisUrl });
  shutdown.add("servers", () => servers.stop());
  return servers;
}
