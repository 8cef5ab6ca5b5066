/** Servers of its own, a control plane that makes companies, and the runtime that is soaked. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startControlPlane } from "../../control-plane/start.ts";
import { defaultConfig } from "../../core/config.ts";
import { createLogger } from "../../core/logger.ts";
import { runtimeRole } from "../../core/migrations/tenant-schema.ts";
import { createSecrets } from "../../core/secrets.ts";
import { servicePassword } from "../../core/service-roles.ts";
import { setUpDatabase } from "../../core/setup.ts";
import { createShutdown } from "../../core/shutdown.ts";
import { openTenantPool, type TenantPool } from "../../core/tenant-db/tenant-pool.ts";
import { startRuntime } from "../../tenant-runtime/start.ts";
import { endWithProcess } from "../../test/support/orphans.ts";
import { startPooler } from "../../test/support/pgbouncer.ts";
import { startServers } from "../embedded/stack.ts";
import { ask, type ChaosClient } from "../chaos/client.ts";

export interface SoakSite {
  readonly databaseUrl: string;
  readonly client: ChaosClient;
  /** The runtime's, without TLS. */
  readonly httpPort: number;
  /** Beside the runtime's own: for what HTTP cannot say. */
  readonly pool: TenantPool;
  close(): Promise<void>;
}

const admin = { email: "soak@example.com", password: "soak-password" };
const masterKey = Buffer.alloc(32, 9);
/** Short, so that sleeping statements meet it. */
export const statementTimeoutMs = 400;

export async function openSoakSite({ pgbouncer }: { pgbouncer: boolean }): Promise<SoakSite> {
  const dataDir = await mkdtemp(join(tmpdir(), "secretaria-soak-"));
  const log = createLogger("soak", "silent");
  const shutdown = createShutdown(log);
  shutdown.add("folder", () => rm(dataDir, { recursive: true, force: true }));
  try {
    const servers = endWithProcess(await startServers({ dataDir, config: {}, durable: false }));
    shutdown.add("servers", () => servers.stop());
    const { databaseUrl, redisUrl } = servers;
    const secrets = createSecrets(masterKey);
    await setUpDatabase(databaseUrl, secrets);
    const config = defaultConfig({
      DATABASE_URL: databaseUrl,
      REDIS_URL: redisUrl,
      DATA_DIR: dataDir,
      MASTER_KEY: masterKey.toString("base64"),
      ADMIN_EMAIL: admin.email,
      ADMIN_PASSWORD: admin.password,
      CONTROL_PLANE_PORT: 0,
      RUNTIME_HTTP_PORT: 0,
      RUNTIME_HTTPS_PORT: 0,
    });
    const { port } = await startControlPlane(config, log, shutdown);
    let poolUrl: string | undefined;
    if (pgbouncer) {
      const password = servicePassword(secrets, runtimeRole);
      const pooler = await startPooler(databaseUrl, { user: runtimeRole, password, connections: 6 });
      shutdown.add("pgbouncer", () => pooler.stop());
      poolUrl = pooler.url;
    }
    const { httpPort } = await startRuntime({ ...config, DATABASE_POOL_URL: poolUrl }, log, shutdown);
    const pool = openTenantPool(poolUrl ?? databaseUrl, secrets, { name: "soak", max: 6, statementTimeoutMs });
    shutdown.add("soak's pool", () => pool.close());
    const url = `http://127.0.0.1:${port}`;
    const { accessToken } = await ask<{ accessToken: string }>({ url, token: "" }, "POST", "/api/auth/login", admin);
    const close = () => shutdown.run("soak is over").then(() => undefined);
    return { databaseUrl, client: { url, token: accessToken }, httpPort, pool, close };
  } catch (error) {
    await shutdown.run("soak could not start");
    throw error;
  }
}
