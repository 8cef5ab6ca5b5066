/** Brings the control plane up in this process; main.ts and the tests both start it here. */
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { hostname } from "node:os";
import type { Config } from "../core/config.ts";
import { openDatabase } from "../core/db.ts";
import { closeServer, listen } from "../core/http.ts";
import type { Logger } from "../core/logger.ts";
import { compiledMigrations } from "../core/migrations/compile.ts";
import { openRedis } from "../core/redis.ts";
import { createSecrets, loadMasterKey } from "../core/secrets.ts";
import { requireDatabaseUrl, requireRedisUrl, setUpDatabase } from "../core/setup.ts";
import type { Shutdown } from "../core/shutdown.ts";
import { createTokenService, loadSigningKeys } from "../core/tokens.ts";
import { ensureConfiguredAdmin, issueFirstAdminLink } from "./accounts/first-admin.ts";
import { createControlPlaneApp } from "./app.ts";
import type { ControlContext } from "./context.ts";
import { localIssuer } from "./domains/certificate-issuer.ts";
import { localDns } from "./domains/dns-provider.ts";
import { keepHouse } from "./lifecycle/housekeeping.ts";
import { keepRedisUsers } from "./lifecycle/redis-users.ts";
import { startSweep } from "./lifecycle/sweep.ts";
import { publicUrl } from "./public-url.ts";

/** Schemas made at once in one process: on two cores three are the fastest; each more only invalidates the others' caches. */
const catalogWorkers = 3;

export interface ControlPlane {
  readonly port: number;
  /** One-time address where the first admin is made; undefined when there is one. */
  readonly setupUrl: string | undefined;
  readonly ctx: ControlContext;
}

/** Sets the database up, starts sweep and API. What it opened is registered with `shutdown`, also when it throws. */
export async function startControlPlane(config: Config, log: Logger, shutdown: Shutdown): Promise<ControlPlane> {
  const ctx = await createContext(config, log, shutdown);
  await ensureConfiguredAdmin(ctx);
  const token = await issueFirstAdminLink(ctx);
  const stopKeeping = keepRedisUsers(ctx);
  shutdown.add("redis users", stopKeeping);
  shutdown.add("background work", () => Promise.allSettled(ctx.background));
  shutdown.add("housekeeping", keepHouse(ctx));
  const sweep = startSweep(ctx);
  shutdown.add("sweep", () => sweep.close());
  const server = createServer(createControlPlaneApp(ctx));
  shutdown.add("http", () => closeServer(server));
  const port = await listen(server, config.CONTROL_PLANE_PORT, config.BIND_ADDRESS);
  log.info({ port, instance: ctx.instance }, "control plane listens");
  const base = publicUrl({ ...config, CONTROL_PLANE_PORT: port });
  return { port, setupUrl: token && `${base}/setup#${token}`, ctx };
}

async function createContext(config: Config, log: Logger, shutdown: Shutdown): Promise<ControlContext> {
  const databaseUrl = requireDatabaseUrl(config);
  const redisUrl = requireRedisUrl(config);
  const secrets = createSecrets(loadMasterKey(config));
  await setUpDatabase(databaseUrl, secrets);
  await compiledMigrations("tenant");
  const db = openDatabase(databaseUrl, { name: "secretaria control-plane", max: config.DB_POOL_MAX });
  shutdown.add("database", () => db.destroy());
  const ddl = openDatabase(databaseUrl, { name: "secretaria control-plane ddl", max: catalogWorkers });
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
    platformTokens: createTokenService(platformKeys),
    tenantTokens: createTokenService(tenantKeys),
    dns: localDns,
    issuer: await localIssuer(db, secrets),
    background: new Set(),
  };
}
