/** Brings the tenant runtime up in this process; main.ts and the tests both start it here. */
import type { Config } from "../core/config.ts";
import { closeServer, listen } from "../core/http.ts";
import { proveIsolation } from "../core/isolation/prove.ts";
import { keepReporting } from "../core/isolation/report.ts";
import type { Logger } from "../core/logger.ts";
import { openRedis } from "../core/redis.ts";
import { openRegistryListener } from "../core/registry-listener.ts";
import { openRegistry, waitForRegistry } from "../core/registry.ts";
import { createSecrets, loadMasterKey } from "../core/secrets.ts";
import { requireDatabaseUrl, requireRedisUrl } from "../core/setup.ts";
import type { Shutdown } from "../core/shutdown.ts";
import { openTenantPool } from "../core/tenant-db/tenant-pool.ts";
import { loadSigningKeys } from "../core/signing-keys.ts";
import { createTokenService } from "../core/tokens.ts";
import { openUsageMeter } from "../core/usage/usage-meter.ts";
import { createRuntimeApp } from "./app.ts";
import type { RuntimeContext } from "./context.ts";
import { readerTimeoutMs } from "./event-reader.ts";
import { createHttpEdge, createHttpsEdge } from "./edge/listeners.ts";
import { openFleetShare } from "./limits/fleet-share.ts";
import { openReplyOrders } from "./modules/chat/reply-orders.ts";
import { createRegistryCache } from "./resolution/registry-cache.ts";
import { createServerCertificates } from "./edge/server-certificates.ts";
import { openTenantEvents } from "./tenant-events.ts";
import { findTenantByHost } from "./resolution/tenant-store.ts";

export interface Runtime {
  readonly httpPort: number;
  readonly httpsPort: number;
  readonly ctx: RuntimeContext;
}

/** Waits for the registry, then serves. What it opened is registered with `shutdown`, also when it throws. */
export async function startRuntime(config: Config, log: Logger, shutdown: Shutdown): Promise<Runtime> {
  const ctx = await createContext(config, log, shutdown);
  const certificates = createServerCertificates(ctx);
  ctx.listener.subscribe(certificates);
  const app = createRuntimeApp(ctx);
  const http = createHttpEdge(app, config.CLIENT_TIMEOUT_SECONDS);
  shutdown.add("http", () => closeServer(http));
  const https = await createHttpsEdge(app, certificates, { log, requestSeconds: config.CLIENT_TIMEOUT_SECONDS });
  shutdown.add("https", () => closeServer(https));
  // Closed first: open event streams would keep both servers waiting.
  shutdown.add("tenant events", () => ctx.events.close());
  const httpPort = await listen(http, config.RUNTIME_HTTP_PORT, config.BIND_ADDRESS);
  const httpsPort = await listen(https, config.RUNTIME_HTTPS_PORT, config.BIND_ADDRESS);
  log.info({ httpPort, httpsPort }, "tenant runtime listens");
  return { httpPort, httpsPort, ctx };
}

async function createContext(config: Config, log: Logger, shutdown: Shutdown): Promise<RuntimeContext> {
  const databaseUrl = requireDatabaseUrl(config);
  const redisUrl = requireRedisUrl(config);
  const secrets = createSecrets(loadMasterKey(config));
  const registry = openRegistry(databaseUrl, secrets, "secretaria tenant-runtime registry");
  shutdown.add("registry", () => registry.destroy());
  const loadKeys = () => loadSigningKeys(registry, secrets, "tenant");
  const tokens = createTokenService(await waitForRegistry(registry, secrets, log), loadKeys);
  const redis = openRedis(redisUrl, log);
  shutdown.add("redis", () => redis.disconnect());
  const usage = openUsageMeter(redis, log, { flushMs: config.USAGE_FLUSH_SECONDS * 1000 });
  shutdown.add("usage", () => usage.close());
  const fleetShare = openFleetShare(redis);
  shutdown.add("fleet share", () => fleetShare.close());
  const tenantPool = openTenantPool(databaseUrl, secrets, {
    name: "secretaria tenant-runtime",
    max: config.DB_POOL_MAX,
    dedicatedPools: config.DEDICATED_POOLS_MAX,
    onRows: (companyId, rows) => usage.add(companyId, "rows", rows),
  });
  shutdown.add("tenant pool", () => tenantPool.close());
  const isolation = await proveIsolation({ config, log }, tenantPool);
  shutdown.add("isolation report", keepReporting({ redis, log }, "tenant-runtime", isolation));
  const replyOrders = openReplyOrders(redis, log);
  shutdown.add("reply orders", () => replyOrders.close());
  const listener = openRegistryListener(databaseUrl, { secrets, log, name: "secretaria tenant-runtime listener" });
  shutdown.add("registry listener", () => listener.close());
  const openReader = () => openRedis(redisUrl, log, { maxRetriesPerRequest: null, commandTimeout: readerTimeoutMs });
  const events = openTenantEvents(redis, openReader);
  const tenants = createRegistryCache({
    max: 10_000,
    ttlMs: 30_000,
    staleMs: config.RESOLUTION_STALE_SECONDS * 1000,
    load: (host: string) => findTenantByHost(registry, tenantPool, host),
  });
  listener.subscribe(tenants);
  listener.subscribe(events);
  return {
    config,
    log,
    secrets,
    redis,
    registry,
    tenantPool,
    isolation,
    listener,
    tenants,
    tokens,
    events,
    replyOrders,
    usage,
    fleetShare,
  };
}
