/** One BullMQ worker for one tenant, connected as the tenant's own Redis user. */
import { Worker, type Job } from "bullmq";
import { runAsTenant } from "../core/current-tenant.ts";
import { openRedis, redisUrlFor } from "../core/redis.ts";
import { queuePrefix, redisUser } from "../core/tenant.ts";
import { redisPassword } from "../core/tenant-secrets.ts";
import { readTerms } from "./companies.ts";
import { closeWorker } from "./close-worker.ts";
import type { WorkersContext, WorkerTenant } from "./context.ts";
import { runJob } from "./run-job.ts";

export interface TenantWorker {
  /** When a job was last taken or ended, in `performance.now()` milliseconds. */
  lastBusy(): number;
  /** Lets running jobs end, in bounded time, and gives both connections back. */
  close(): Promise<void>;
}

/** Jobs of one tenant that run side by side in one process. */
const concurrency = 5;

/** Resolves when the worker takes jobs. @throws when Redis refuses the tenant's user or is away; nothing stays open then. */
export async function startTenantWorker(
  ctx: WorkersContext,
  tenant: WorkerTenant,
  { queue, workerId }: { queue: string; workerId: string },
): Promise<TenantWorker> {
  const log = ctx.log.child({ companyId: tenant.id, workerId });
  const redis = await connectAs(ctx, tenant, log);
  const run = async (taken: Job) => {
    const handle = ctx.tenants.forTenant(tenant, await readTerms(ctx, tenant.id));
    return runJob({ tenant, ...handle, redis, log }, taken);
  };
  const worker = new Worker(queue, (taken) => runAsTenant(tenant, () => run(taken)), {
    connection: redis,
    prefix: queuePrefix(tenant.id),
    skipVersionCheck: true,
    concurrency,
  });
  let busyAt = performance.now();
  const touch = () => void (busyAt = performance.now());
  worker.on("error", (error) => log.debug({ err: error }, "worker connection"));
  worker.on("active", touch).on("completed", () => {
    touch();
    ctx.usage.add(tenant.id, "jobs", 1);
  });
  worker.on("failed", (failed, error) => {
    touch();
    log.warn({ err: error, job: failed?.name, attempts: failed?.attemptsMade }, "job failed");
  });
  try {
    await worker.waitUntilReady();
  } catch (error) {
    await closeWorker(worker, redis);
    throw error;
  }
  return { lastBusy: () => busyAt, close: () => closeWorker(worker, redis) };
}

async function connectAs(ctx: WorkersContext, tenant: WorkerTenant, log: WorkersContext["log"]) {
  const url = redisUrlFor(ctx.redisUrl, redisUser(tenant.id), redisPassword(ctx.secrets, tenant.id));
  // BullMQ's own rule for workers: commands wait for the server to come back.
  const waiting = { maxRetriesPerRequest: null, commandTimeout: undefined as never };
  const redis = openRedis(url, log, { ...waiting, lazyConnect: true });
  try {
    await redis.connect();
    return redis;
  } catch (error) {
    redis.disconnect();
    throw error;
  }
}
