import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import type { Config } from "../core/config.ts";
import { openDatabase } from "../core/db.ts";
import type { Logger } from "../core/logger.ts";
import { compiledMigrations } from "../core/migrations/compile.ts";
import { openRedis } from "../core/redis.ts";
import { createSecrets, loadMasterKey } from "../core/secrets.ts";
import { requireDatabaseUrl, requireRedisUrl } from "../core/setup.ts";
import type { Shutdown } from "../core/shutdown.ts";
import { loadSigningKeys } from "../core/signing-keys.ts";
import { createTokenService } from "../core/tokens.ts";
import type { ControlContext } from "./context.ts";
import { localIssuer } from "./domains/certificate-issuer.ts";
import { createWarmPool } from "./warm-pool/warm-pool.ts";
import { createMailCounter } from "./outbox/mail-counter.ts";
import { localDns } from "./domains/dns-provider.ts";

/** Schemas made at once in one process: on two cores three are the fastest; each more only invalidates the others' caches. */
const catalogWorkers = 3;

/**
 * What the control plane's functions are given first, in a database that is set up: for the server and for commands that
 * do a part of its work. What it opened is registered with `shutdown`, also when it throws.
 */
export async function openContext(config: Config, log: Logger, shutdown: Shutdown): Promise<ControlContext> {
  const databaseUrl = requireDatabaseUrl(config);
  const redisUrl = requireRedisUrl(config);
  const secrets = createSecrets(loadMasterKey(config));
  await compiledMigrations("tenant");
  // Whoever takes a tenant over must not wait for a transaction that this process left open.
  const idleInTransactionMs = config.LEASE_SECONDS * 3_000;
  const db = openDatabase(databaseUrl, {
    name: "secretaria control-plane",
    max: config.DB_POOL_MAX,
    idleInTransactionMs,
  });
  shutdown.add("database", () => db.destroy());
  const ddl = openDatabase(databaseUrl, {
    name: "secretaria control-plane ddl",
    max: catalogWorkers,
    idleInTransactionMs,
  });
  shutdown.add("ddl connections", () => ddl.destroy());
  const redis = openRedis(redisUrl, log);
  shutdown.add("redis", () => redis.disconnect());
  const queues = openRedis(redisUrl, log);
  shutdown.add("queues", () => queues.disconnect());
  const [platformKeys, tenantKeys] = await Promise.all([
    loadSigningKeys(db, secrets, "platform"),
    loadSigningKeys(db, secrets, "tenant"),
  ]);
  return {
    config,
    db,
    ddl,
    redis,
    queues,
    secrets,
    log,
    databaseUrl,
    redisUrl,
    instance: `${hostname()}:${process.pid}:${randomUUID().slice(0, 8)}`,
    platformTokens: createTokenService(platformKeys, () => loadSigningKeys(db, secrets, "platform")),
    tenantTokens: createTokenService(tenantKeys, () => loadSigningKeys(db, secrets, "tenant")),
    dns: localDns,
    issuer: await localIssuer(db, secrets),
    mails: createMailCounter(),
    warmPool: createWarmPool(),
    background: new Set(),
  };
}
