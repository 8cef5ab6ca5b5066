/** Programs in the test's own process, on a database of their own. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "mocha";
import { defaultConfig, type Config } from "../../core/config.ts";
import { runtimeRole } from "../../core/migrations/tenant-schema.ts";
import { createSecrets } from "../../core/secrets.ts";
import { servicePassword } from "../../core/service-roles.ts";
import { createShutdown, type Shutdown } from "../../core/shutdown.ts";
import type { ControlContext } from "../../control-plane/context.ts";
import { startControlPlane } from "../../control-plane/start.ts";
import { startWorkers } from "../../workers/start.ts";
import { createApiClient, type ApiClient } from "./api-client.ts";
import { startPooler } from "./pgbouncer.ts";
import { testLog } from "./program-log.ts";
import { createTestDatabase, masterKey, runQuery, shared } from "./servers.ts";
import { createTenant, type TestTenant } from "./tenant.ts";

export const adminEmail = "admin@example.com";
export const adminPassword = "uma senha bem longa";

export interface Platform {
  readonly config: Config;
  readonly databaseUrl: string;
  /** The way of tenants' statements to it: the same, or through PgBouncer. */
  readonly servingUrl: string;
  readonly ctx: ControlContext;
  /** Of the control plane, signed in as the admin. */
  readonly api: ApiClient;
  readonly httpPort: number;
  readonly httpsPort: number;
  /** Provisions a company that no other test has; see tenant.ts. */
  createTenant(overrides?: Record<string, unknown>, headers?: Record<string, string>): Promise<TestTenant>;
  /** Rows of one statement as the platform's owner. */
  query<Row extends Record<string, unknown>>(sql: string, values?: unknown[]): Promise<Row[]>;
}

export interface PlatformOptions {
  readonly runtime?: boolean;
  readonly workers?: boolean;
  /** Tenants' statements go through PgBouncer in transaction mode, over this many connections. */
  readonly pooledConnections?: number;
  readonly config?: Partial<Config>;
}

/** Starts what a file needs before its tests and stops it after them. The returned object is usable inside tests only. */
export function usePlatform(options: PlatformOptions = {}): Platform {
  const platform = {} as { -readonly [K in keyof Platform]: Platform[K] };
  let shutdown: Shutdown;
  let folder: string;
  before(async function prepare() {
    // Installing PgBouncer takes longer than any test may.
    if (options.pooledConnections !== undefined) this.timeout(300_000);
    folder = mkdtempSync(join(tmpdir(), "secretaria-file-"));
    const databaseUrl = await createTestDatabase();
    const config = testConfig({ DATABASE_URL: databaseUrl, DATA_DIR: folder, ...options.config });
    const log = testLog();
    shutdown = createShutdown(log);
    const controlPlane = await startControlPlane(config, log, shutdown);
    const poolUrl = await openPooler(databaseUrl, options.pooledConnections, shutdown);
    const serving = { ...config, DATABASE_POOL_URL: poolUrl };
    if (options.workers) await startWorkers(serving, log, shutdown);
    if (options.runtime) {
      const { startRuntime } = await import("../../tenant-runtime/start.ts");
      const { httpPort, httpsPort } = await startRuntime(serving, log, shutdown);
      Object.assign(platform, { httpPort, httpsPort });
    }
    Object.assign(platform, {
      config,
      databaseUrl,
      servingUrl: poolUrl ?? databaseUrl,
      ctx: controlPlane.ctx,
      api: await createApiClient(`http://127.0.0.1:${controlPlane.port}`, {
        email: adminEmail,
        password: adminPassword,
      }),
      createTenant: (overrides, headers) => createTenant(platform.api, overrides, headers),
      query: (sql, values = []) => runQuery(databaseUrl, sql, values),
    } satisfies Partial<Platform>);
  });
  after(async () => {
    await shutdown?.run("test over");
    rmSync(folder, { recursive: true, force: true });
  });
  return platform;
}

async function openPooler(
  databaseUrl: string,
  connections: number | undefined,
  shutdown: Shutdown,
): Promise<string | undefined> {
  if (connections === undefined) return undefined;
  const secrets = createSecrets(Buffer.from(masterKey, "base64"));
  const password = servicePassword(secrets, runtimeRole);
  const pooler = await startPooler(databaseUrl, { user: runtimeRole, password, connections });
  shutdown.add("pgbouncer", () => pooler.stop());
  return pooler.url;
}

/** Free ports, the shared servers, an admin, and a sweep that comes quickly. */
export function testConfig(overrides: Partial<Config>): Config {
  return defaultConfig({
    REDIS_URL: shared.redisUrl,
    MASTER_KEY: masterKey,
    CONTROL_PLANE_PORT: 0,
    RUNTIME_HTTP_PORT: 0,
    RUNTIME_HTTPS_PORT: 0,
    ADMIN_EMAIL: adminEmail,
    ADMIN_PASSWORD: adminPassword,
    LEASE_SECONDS: 3,
    SWEEP_SECONDS: 0.2,
    ...overrides,
  });
}
