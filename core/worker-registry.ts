/** Who works for a tenant: `tenant:{id}:workers` names them, `tenant:{id}:worker:<id>` is each one's heartbeat. */
import { execAll, type Redis } from "./redis.ts";
import { workerKey, workerSetKey } from "./tenant.ts";

/** A worker that was silent for this long is dead; its hash expires by itself. */
export const workerTtlSeconds = 30;

export interface WorkerInfo {
  readonly companyId: number;
  readonly workerId: string;
  readonly queue: string;
  readonly hostname: string;
  readonly pid: number;
}

/** Enters the worker as `running`, and serves as its heartbeat when called again. */
export async function registerWorker(redis: Redis, worker: WorkerInfo): Promise<void> {
  const key = workerKey(worker.companyId, worker.workerId);
  const { queue, hostname, pid } = worker;
  await execAll(
    redis
      .pipeline()
      .hsetnx(key, "startedAt", new Date().toISOString())
      .hset(key, { status: "running", queue, hostname, pid, heartbeatAt: new Date().toISOString() })
      .expire(key, workerTtlSeconds)
      .sadd(workerSetKey(worker.companyId), worker.workerId),
  );
}

/** The clean end: the status tells whoever looks right now, then the entry goes. */
export async function unregisterWorker(redis: Redis, companyId: number, workerId: string): Promise<void> {
  await execAll(
    redis
      .pipeline()
      .hset(workerKey(companyId, workerId), { status: "stopped", stoppedAt: new Date().toISOString() })
      .srem(workerSetKey(companyId), workerId)
      .del(workerKey(companyId, workerId)),
  );
}

/** How many workers of each tenant are alive: named in the set and heard of lately. Two round trips for any number. */
export async function countWorkers(redis: Redis, companyIds: readonly number[]): Promise<Map<number, number>> {
  const sets = redis.pipeline();
  for (const id of companyIds) sets.smembers(workerSetKey(id));
  const members = (await execAll(sets)) as string[][];
  const alive = redis.pipeline();
  companyIds.forEach((id, i) => members[i]?.forEach((workerId) => alive.exists(workerKey(id, workerId))));
  const answers = alive.length === 0 ? [] : ((await execAll(alive)) as number[]);
  const counts = new Map<number, number>();
  let next = 0;
  companyIds.forEach((id, i) => {
    const size = members[i]?.length ?? 0;
    counts.set(id, answers.slice(next, next + size).filter((answer) => answer === 1).length);
    next += size;
  });
  return counts;
}

/** Takes workers out of the set whose heartbeat is gone: killed ones cannot do so themselves. */
export async function forgetDeadWorkers(redis: Redis, companyId: number): Promise<void> {
  for (const workerId of await redis.smembers(workerSetKey(companyId))) {
    if ((await redis.exists(workerKey(companyId, workerId))) === 0) await redis.srem(workerSetKey(companyId), workerId);
  }
}
