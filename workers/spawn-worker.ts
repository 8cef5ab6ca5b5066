/** A worker in a process of its own, for one company: more hands than the shared pool gives, or one burst of work. */
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import type { Config } from "../core/config.ts";
import type { Logger } from "../core/logger.ts";
import { withTenantQueue } from "../core/queues.ts";
import type { Shutdown } from "../core/shutdown.ts";
import { registerWorker, unregisterWorker, workerTtlSeconds, type WorkerInfo } from "../core/worker-registry.ts";
import { findActiveCompany } from "./companies.ts";
import type { WorkersContext } from "./context.ts";
import { createWorkersContext } from "./start.ts";
import { startTenantWorker } from "./tenant-worker.ts";

export interface SpawnOptions {
  readonly companyId: number;
  readonly queue: string;
  /** End as soon as the queue is empty. */
  readonly burst: boolean;
  readonly workerId?: string | undefined;
}

export interface SpawnedWorker {
  readonly workerId: string;
  /** Resolves with the reason when the worker should end: the queue is empty, or the company is no longer active. */
  readonly finished: Promise<string>;
}

const checkMs = 2_000;

/** @throws Error when the company is not there or not active, before anything is registered. */
export async function spawnWorker(
  options: SpawnOptions,
  program: { config: Config; log: Logger; shutdown: Shutdown },
): Promise<SpawnedWorker> {
  const ctx = await createWorkersContext(program.config, program.log, program.shutdown);
  const tenant = await findActiveCompany(ctx, options.companyId);
  if (tenant === undefined) throw new Error(`company ${options.companyId} does not exist or is not active`);
  const workerId = options.workerId ?? randomUUID();
  const info = { companyId: tenant.id, workerId, queue: options.queue, hostname: hostname(), pid: process.pid };
  const worker = await startTenantWorker(ctx, tenant, info);
  program.shutdown.add("registration", () => unregisterWorker(ctx.redis, tenant.id, workerId));
  program.shutdown.add("worker", () => worker.close());
  await registerWorker(ctx.redis, info);
  return { workerId, finished: watch(ctx, info, options) };
}

async function watch(ctx: WorkersContext, info: WorkerInfo, options: SpawnOptions): Promise<string> {
  let beaten = Date.now();
  for (;;) {
    if (options.burst && (await isEmpty(ctx, options))) return "the queue is empty";
    await sleep(options.burst ? 100 : checkMs);
    try {
      if ((await findActiveCompany(ctx, options.companyId)) === undefined) return "the company is no longer active";
      if (Date.now() - beaten < (workerTtlSeconds * 1000) / 3) continue;
      await registerWorker(ctx.redis, info);
      beaten = Date.now();
    } catch (error) {
      ctx.log.warn({ err: error }, "the worker goes on without knowing its company's state");
    }
  }
}

async function isEmpty(ctx: WorkersContext, { companyId, queue }: SpawnOptions): Promise<boolean> {
  const counts = await withTenantQueue(ctx.redis, { companyId, queue }, (open) =>
    open.getJobCounts("waiting", "active", "delayed", "prioritized", "waiting-children"),
  );
  return Object.values(counts).every((count) => count === 0);
}
