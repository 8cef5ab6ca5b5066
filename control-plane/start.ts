/** Brings the control plane up in this process; main.ts and the tests both start it here. */
import { createServer } from "node:http";
import type { Config } from "../core/config.ts";
import { expressMessages } from "../core/express-messages.ts";
import { closeServer, listen } from "../core/http.ts";
import type { Logger } from "../core/logger.ts";
import { startHeartbeat } from "../core/process-registry.ts";
import { createSecrets, loadMasterKey } from "../core/secrets.ts";
import { requireDatabaseUrl, setUpDatabase } from "../core/setup.ts";
import type { Shutdown } from "../core/shutdown.ts";
import { ensureConfiguredAdmin, issueFirstAdminLink } from "./accounts/first-admin.ts";
import { createControlPlaneApp } from "./app.ts";
import type { ControlContext } from "./context.ts";
import { keepHouse } from "./lifecycle/upkeep/housekeeping.ts";
import { keepInspectionsScheduled } from "./lifecycle/inspection/schedule.ts";
import { keepRedisUsers } from "./lifecycle/upkeep/redis-users.ts";
import { keepUsage } from "./lifecycle/upkeep/usage.ts";
import { passOverUsedIds } from "./lifecycle/upkeep/used-ids.ts";
import { startSweep } from "./lifecycle/sweep.ts";
import { startRunSweep } from "./fleet/sweep-runs.ts";
import { openContext } from "./open-context.ts";
import { startOutbox } from "./outbox/deliver.ts";
import { publicUrl } from "./public-url.ts";
import { keepPool } from "./warm-pool/keep-pool.ts";

export interface ControlPlane {
  readonly port: number;
  /** One-time address where the first admin is made; undefined when there is one. */
  readonly setupUrl: string | undefined;
  readonly ctx: ControlContext;
}

/** Sets the database up, starts sweep and API. What it opened is registered with `shutdown`, also when it throws. */
export async function startControlPlane(config: Config, log: Logger, shutdown: Shutdown): Promise<ControlPlane> {
  await setUpDatabase(requireDatabaseUrl(config), createSecrets(loadMasterKey(config)));
  const ctx = await openContext(config, log, shutdown);
  const beating = { kind: "control-plane", seconds: config.PROCESS_HEARTBEAT_SECONDS, log } as const;
  const heartbeat = await startHeartbeat(ctx.db, beating);
  shutdown.add("heartbeat", () => heartbeat.close());
  const passedOver = await passOverUsedIds(ctx);
  if (passedOver > 0)
    log.warn({ count: passedOver }, "schemas are there that the registry does not know; see /api/orphans");
  await ensureConfiguredAdmin(ctx);
  const token = await issueFirstAdminLink(ctx);
  const stopKeeping = keepRedisUsers(ctx);
  shutdown.add("redis users", stopKeeping);
  shutdown.add("background work", () => Promise.allSettled(ctx.background));
  shutdown.add("housekeeping", keepHouse(ctx));
  shutdown.add("usage", keepUsage(ctx));
  shutdown.add("inspections", keepInspectionsScheduled(ctx));
  shutdown.add("warm pool", keepPool(ctx));
  const sweep = startSweep(ctx);
  shutdown.add("sweep", () => sweep.close());
  const runs = startRunSweep(ctx, config.SWEEP_SECONDS);
  shutdown.add("migration runs", () => runs.close());
  const outbox = startOutbox(ctx);
  shutdown.add("outbox", () => outbox.close());
  const app = createControlPlaneApp(ctx);
  const server = createServer(expressMessages(app), app);
  shutdown.add("http", () => closeServer(server));
  const port = await listen(server, config.CONTROL_PLANE_PORT, config.BIND_ADDRESS);
  log.info({ port, instance: ctx.instance }, "control plane listens");
  const base = publicUrl({ ...config, CONTROL_PLANE_PORT: port });
  return { port, setupUrl: token && `${base}/setup#${token}`, ctx };
}
