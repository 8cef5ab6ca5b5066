/** One BullMQ worker for one tenant, connected as the tenant's own Redis user. */
import { hostname } from "node:os";
import { Worker } from "bullmq";
import { tenantQueueName } from "../core/queues.ts";
import { openRedis, redisUrlFor } from "../core/redis.ts";
import { queuePrefix, redisUser } from "../core/tenant.ts";
import { redisPassword } from "../core/tenant-secrets.ts";
import { registerWorker, unregisterWorker, type WorkerInfo } from "../core/worker-registry.ts";
import { closeWorker } from "./close-worker.ts";
import type { WorkersContext, WorkerTenant } from "./context.ts";
import { runJob } from "./run-job.ts";

export interface TenantWorker {
  readonly companyId: number;
  readonly worker: Worker;
  /** Says again that it is alive. */
  beat(): Promise<void>;
  /** Lets the running job end, then leaves the registry. */
  close(): Promise<void>;
}

export interface WorkerOptions {
  readonly workerId: string;
  readonly queue?: string;
}

/** Resolves when the worker takes jobs and is registered. @throws when Redis refuses the tenant's user or is away. */
export async function startTenantWorker(
  ctx: WorkersContext,
  tenant: WorkerTenant,
  options: WorkerOptions,
): Promise<TenantWorker> {
  const queue = options.queue ?? tenantQueueName;
  const log = ctx.log.child({ companyId: tenant.id, workerId: options.workerId });
  const url = redisUrlFor(ctx.redisUrl, redisUser(tenant.id), redisPassword(ctx.secrets, tenant.id));
  // BullMQ's own rule for workers: commands wait for the server to come back.
  const redis = openRedis(url, log, {
    maxRetriesPerRequest: null,
    lazyConnect: true,
    commandTimeout: undefined as never,
  });
  const job = { tenant, db: ctx.tenants.forTenant(tenant), redis, log };
  try {
    await redis.connect();
  } catch (error) {
    redis.disconnect();
    throw error;
  }
  const worker = new Worker(queue, (taken) => runJob(job, taken), {
    connection: redis,
    prefix: queuePrefix(tenant.id),
    skipVersionCheck: true,
    concurrency: 5,
  });
  worker.on("error", (error) => log.debug({ err: error }, "worker connection"));
  worker.on("failed", (failed, error) =>
    log.warn({ err: error, job: failed?.name, attempts: failed?.attemptsMade }, "job failed"),
  );
  const info: WorkerInfo = {
    companyId: tenant.id,
    workerId: options.workerId,
    queue,
    hostname: hostname(),
    pid: process.pid,
  };
  try {
    await worker.waitUntilReady();
    await registerWorker(redis, info);
  } catch (error) {
    await closeWorker(worker, redis);
    throw error;
  }
  return {
    companyId: tenant.id,
    worker,
    beat: () => registerWorker(redis, info),
    async close() {
      await closeWorker(worker, redis);
      await unregisterWorker(ctx.redis, tenant.id, options.workerId).catch((error: unknown) =>
        log.debug({ err: error }, "not unregistered"),
      );
    },
  };
}
