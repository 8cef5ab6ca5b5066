/** Jobs: their names and data, and who may put them where. The tenant comes from the queue, never from the data. */
import { Queue } from "bullmq";
import type { Redis } from "./redis.ts";
import { queuePrefix } from "./tenant.ts";

/** Jobs of a tenant's own queue. */
export interface TenantJobs {
  /** Answers one inbound message of the chat page. */
  "chat.reply": { readonly conversationId: string; readonly messageId: string };
}

/**
 * Orders to whoever runs workers, in the platform's own queue. There is none to stop: a worker watches its company's
 * row, for the process that takes an order from the queue need not be the one that runs the worker.
 */
export interface PlatformJobs {
  "worker.start": { readonly companyId: number };
}

export const platformQueue = { name: "workers", prefix: "secretaria:queue" } as const;
export const tenantQueueName = "default";

/** Redis channel on which producers name companies that have work; only a hint, for workers look by themselves too. */
export const wakeChannel = "secretaria:wake";

/** Enough to look back at; a queue that keeps every job grows for ever. */
const keepJobs = { removeOnComplete: { count: 100, age: 86_400 }, removeOnFail: { count: 500, age: 7 * 86_400 } };

/**
 * Puts a job in a tenant's queue. `id` makes it idempotent: a second job of the same id is dropped while the first is
 * kept. @throws what ioredis throws when Redis is not there (`isServiceDown`).
 */
export async function addTenantJob<N extends keyof TenantJobs>(
  redis: Redis,
  companyId: number,
  job: { name: N; data: TenantJobs[N]; id: string; queue?: string },
): Promise<void> {
  await withTenantQueue(redis, { companyId, queue: job.queue ?? tenantQueueName }, async (queue) => {
    await queue.add(job.name, job.data, {
      jobId: job.id,
      attempts: 5,
      backoff: { type: "exponential", delay: 500 },
      ...keepJobs,
    });
  });
  await redis.publish(wakeChannel, String(companyId));
}

/** Sends an order to the worker supervisors; the same order waits at most once. Answers true when it waited already. */
export async function orderWorkers<N extends keyof PlatformJobs>(
  redis: Redis,
  name: N,
  data: PlatformJobs[N],
): Promise<boolean> {
  return withQueue(redis, platformQueue, async (queue) => {
    const jobId = `${name}-${data.companyId}`;
    const waits = (await queue.getJobState(jobId)) === "waiting";
    await queue.add(name, data, { jobId, removeOnComplete: true, removeOnFail: true });
    return waits;
  });
}

/** Lends a tenant's queue on a shared connection and lets go of it afterwards. */
export function withTenantQueue<T>(
  redis: Redis,
  which: { companyId: number; queue?: string },
  work: (queue: Queue) => Promise<T>,
): Promise<T> {
  return withQueue(redis, { name: which.queue ?? tenantQueueName, prefix: queuePrefix(which.companyId) }, work);
}

async function withQueue<T>(
  redis: Redis,
  where: { name: string; prefix: string },
  work: (queue: Queue) => Promise<T>,
): Promise<T> {
  // BullMQ waits for a lost server without limit; a ping answers or fails soon.
  await redis.ping();
  const queue = new Queue(where.name, { prefix: where.prefix, connection: redis, skipVersionCheck: true });
  queue.on("error", () => undefined);
  try {
    await queue.waitUntilReady();
    return await work(queue);
  } finally {
    await queue.close().catch(() => undefined);
  }
}
