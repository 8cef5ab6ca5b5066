/** Brings the tenant runtime up in this process; main.ts and the tests both start it here. */
import type { Config } from "../core/config.ts";
import { closeServer, listen } from "../core/http.ts";
import { keepReporting } from "../core/isolation/report.ts";
import type { Logger } from "../core/logger.ts";
import { openRedis } from "../core/redis.ts";
import { requireRedisUrl } from "../core/setup.ts";
import type { Shutdown } from "../core/shutdown.ts";
import { createRuntimeApp } from "./app.ts";
import type { RuntimeContext } from "./context.ts";
import { readerTimeoutMs } from "./event-reader.ts";
import { createHttpEdge, createHttpsEdge } from "./edge/listeners.ts";
import { openReplyOrders } from "./modules/chat/reply-orders.ts";
import { openContext } from "./open-context.ts";
import { createServerCertificates } from "./edge/server-certificates.ts";
import { openTenantEvents } from "./tenant-events.ts";

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
  const tenancy = await openContext(config, log, { shutdown, name: "secretaria tenant-runtime" });
  const { redis, listener, isolation } = tenancy;
  shutdown.add("isolation report", keepReporting({ redis, log }, "tenant-runtime", isolation));
  const replyOrders = openReplyOrders(redis, log);
  shutdown.add("reply orders", () => replyOrders.close());
  const redisUrl = requireRedisUrl(config);
  const openReader = () => openRedis(redisUrl, log, { maxRetriesPerRequest: null, commandTimeout: readerTimeoutMs });
  const events = openTenantEvents(redis, openReader);
  listener.subscribe(events);
  return { ...tenancy, events, replyOrders };
}
