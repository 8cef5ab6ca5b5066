/** Opens what it takes to serve tenants; the runtime and the library both start here. */
import type { Config } from "../core/config.ts";
import { newAnswerCounts } from "../core/answer-counts.ts";
import { proveIsolation } from "../core/isolation/prove.ts";
import type { Logger } from "../core/logger.ts";
import { startHeartbeat } from "../core/process-registry.ts";
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
import type { TenancyContext } from "./context.ts";
import { openFleetShare } from "./limits/fleet-share.ts";
import { askTogether } from "./resolution/ask-together.ts";
import { believedMs, createRegistryCache } from "./resolution/registry-cache.ts";
import { findTenantsByHost } from "./resolution/tenant-store.ts";
import { openTouches } from "./touches.ts";

interface Opening {
  /** What was opened is registered here, also when this throws. */
  readonly shutdown: Shutdown;
  /** Shown in pg_stat_activity. */
  readonly name: string;
  /** How long a database that is not set up yet is waited for. Absent: a minute. */
  readonly patienceMs?: number;
}

/** @throws Error when a URL is not set, or the registry is not usable when the patience is over. */
export async function openContext(config: Config, log: Logger, opening: Opening): Promise<TenancyContext> {
  const { shutdown, name, patienceMs } = opening;
  const databaseUrl = requireDatabaseUrl(config);
  const redisUrl = requireRedisUrl(config);
  const secrets = createSecrets(loadMasterKey(config));
  const registry = openRegistry(databaseUrl, secrets, `${name} registry`);
  shutdown.add("registry", () => registry.destroy());
  const loadKeys = () => loadSigningKeys(registry, secrets, "tenant");
  const tokens = createTokenService(await waitForRegistry(registry, secrets, { log, patienceMs }), loadKeys);
  const redis = openRedis(redisUrl, log);
  shutdown.add("redis", () => redis.disconnect());
  const usage = openUsageMeter(redis, log, { flushMs: config.USAGE_FLUSH_SECONDS * 1000 });
  shutdown.add("usage", () => usage.close());
  const fleetShare = openFleetShare(redis);
  shutdown.add("fleet share", () => fleetShare.close());
  // Only tenants' statements carry their whole scope with them: LISTEN would hear nothing behind a pooler.
  const tenantPool = openTenantPool(config.DATABASE_POOL_URL ?? databaseUrl, secrets, {
    name,
    max: config.DB_POOL_MAX,
    backendMb: config.DB_BACKEND_MB,
    dedicatedPools: config.DEDICATED_POOLS_MAX,
    onRows: (companyId, rows) => usage.add(companyId, "rows", rows),
  });
  shutdown.add("tenant pool", () => tenantPool.close());
  const isolation = await proveIsolation({ config, log }, tenantPool);
  const listener = openRegistryListener(databaseUrl, { secrets, log, name: `${name} listener` });
  shutdown.add("registry listener", () => listener.close());
  const tenants = createRegistryCache({
    max: 10_000,
    ttlMs: believedMs,
    staleMs: config.RESOLUTION_STALE_SECONDS * 1000,
    load: askTogether((hosts) => findTenantsByHost(registry, tenantPool, hosts)),
  });
  listener.subscribe(tenants);
  const answers = newAnswerCounts();
  const heartbeat = await startHeartbeat(registry, {
    kind: "runtime",
    seconds: config.PROCESS_HEARTBEAT_SECONDS,
    log,
    answers,
  });
  shutdown.add("heartbeat", () => heartbeat.close());
  const touches = openTouches(registry, log, () => heartbeat.isTouchAwaited());
  shutdown.add("touches", () => touches.close());
  const serving = { tenantPool, isolation, listener, tenants, tokens, usage, fleetShare, answers, touches };
  return { config, log, secrets, redis, registry, ...serving };
}
