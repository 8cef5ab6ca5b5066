/** Everything that the tests of one file need, on a database of their own. */
import { openDatabase, type Knex } from "../core/db.ts";
import { createLogger } from "../core/logger.ts";
import { createSecrets } from "../core/secrets.ts";
import { createShutdown, type Shutdown } from "../core/shutdown.ts";
import { createTokenService, loadSigningKeys } from "../core/tokens.ts";
import { openTenancy, type Logger, type ServedTenant, type Tenancy } from "../tenant-runtime/library/index.ts";
import { createTenant, type NewTestTenant, type TestTenant } from "./create-tenant.ts";
import { createTestDatabase } from "./test-database.ts";
import { startTestServers } from "./test-servers.ts";
import { tokenFor, type TokenOptions } from "./token-for.ts";

export interface TestTenancyOptions {
  /** A PostgreSQL server for tests, as a role that may create databases and roles. Absent: one is started. */
  readonly databaseUrl?: string;
  /** Absent: one is started. */
  readonly redisUrl?: string;
  /** 32 bytes in base64; the same for all runs on one server, whose roles carry a mark of it. Default: a key for tests. */
  readonly masterKey?: string;
  /** Pino. Default: says nothing. */
  readonly log?: Logger;
}

export interface TestTenancy {
  readonly tenancy: Tenancy;
  /** For what opens a tenancy itself, e.g. the app in a process of its own; these are `openTenancy`'s options. */
  readonly options: { readonly databaseUrl: string; readonly redisUrl: string; readonly masterKey: string };
  /** The registry as its owner, for what the helpers do not make: another plan, a company that is suspended. */
  readonly registry: Knex;
  /** @throws AppError `plan-unknown`; a unique violation for a slug that is taken. */
  createTenant(tenant?: NewTestTenant): Promise<TestTenant>;
  /** An access token for `Authorization: Bearer`. */
  tokenFor(tenant: ServedTenant, options?: TokenOptions): Promise<string>;
  /** Drops the database and its tenants' roles, and stops what was started. */
  close(): Promise<void>;
}

const keyForTests = Buffer.from("secretaria-test-kit-32-bytes-key").toString("base64");

/**
 * A database cloned from a migrated template, which the first call on a server makes and leaves there. Test files, and
 * processes, side by side on one server do not meet.
 * @throws Error when a server does not answer, or its roles were made with another master key.
 */
export async function createTestTenancy(options: TestTenancyOptions = {}): Promise<TestTenancy> {
  const { masterKey = keyForTests, log = createLogger("test", "silent") } = options;
  const shutdown = createShutdown(log);
  try {
    const { databaseUrl, redisUrl } = await findServers(options, shutdown);
    const database = await createTestDatabase(databaseUrl, Buffer.from(masterKey, "base64"));
    shutdown.add("test database", () => database.drop());
    const registry = openDatabase(database.url, { name: "test registry", max: 2 });
    shutdown.add("registry", () => registry.destroy());
    const opened = { databaseUrl: database.url, redisUrl, masterKey };
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
  const servers = await startTestServers({ ...(databaseUrl && { databaseUrl }), ...(redisUrl && { redisUrl }) });
  shutdown.add("servers", () => servers.stop());
  return servers;
}
