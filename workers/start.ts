import type { Config } from "../core/config.ts";
import { proveIsolation } from "../core/isolation/prove.ts";
import { keepReporting } from "../core/isolation/report.ts";
import type { Logger } from "../core/logger.ts";
import { startHeartbeat } from "../core/process-registry.ts";
import { openRedis } from "../core/redis.ts";
import { openRegistryListener } from "../core/registry-listener.ts";
import { openRegistry, waitForRegistry } from "../core/registry.ts";
import { createSecrets, loadMasterKey } from "../core/secrets.ts";
import { requireDatabaseUrl, requireRedisUrl } from "../core/setup.ts";
import type { Shutdown } from "../core/shutdown.ts";
import { openTenantPool } from "../core/tenant-db/tenant-pool.ts";
import { openUsageMeter } from "../core/usage/usage-meter.ts";
import type { WorkersContext } from "./context.ts";
import { startSupervisor, type Supervisor } from "./supervisor.ts";

/** Connections of a process that runs workers, registered with `shutdown`. Waits for the control plane's set-up. */
export async function createWorkersContext(config: Config, log: Logger, shutdown: Shutdown): Promise<WorkersContext> {
  const databaseUrl = requireDatabaseUrl(config);
  const redisUrl = requireRedisUrl(config);
  const secrets = createSecrets(loadMasterKey(config));
  const registry = openRegistry(databaseUrl, secrets, "secretaria workers registry");
  shutdown.add("registry", () => registry.destroy());
  const redis = openRedis(redisUrl, log);
  shutdown.add("redis", () => redis.disconnect());
  const usage = openUsageMeter(redis, log, { flushMs: config.USAGE_FLUSH_SECONDS * 1000 });
  shutdown.add("usage", () => usage.close());
  const tenants = openTenantPool(config.DATABASE_POOL_URL ?? databaseUrl, secrets, {
    name: "secretaria workers",
    max: config.DB_POOL_MAX,
    backendMb: config.DB_BACKEND_MB,
    dedicatedPools: config.DEDICATED_POOLS_MAX,
    onRows: (companyId, rows) => usage.add(companyId, "rows", rows),
  });
  shutdown.add("tenant pool", () => tenants.close());
  await waitForRegistry(registry, secrets, { log });
  const isolation = await proveIsolation({ config, log }, tenants);
  shutdown.add("isolation report", keepReporting({ redis, log }, "workers", isolation));
  const listener = openRegistryListener(databaseUrl, { secrets, log, name: "secretaria workers listener" });
  shutdown.add("registry listener", () => listener.close());
  const heartbeat = await startHeartbeat(registry, { kind: "worker", seconds: config.PROCESS_HEARTBEAT_SECONDS, log });
  shutdown.add("heartbeat", () => heartbeat.close());
  return { config, registry, listener, tenants, redis, redisUrl, secrets, usage, log };
}

/** The workers program: one process that runs a worker for every company. */
export async function startWorkers(config: Config, log: Logger, shutdown: Shutdown): Promise<Supervisor> {
  const supervisor = startSupervisor(await createWorkersContext(config, log, shutdown));
  shutdown.add("supervisor", () => supervisor.close());
  return supervisor;
}
