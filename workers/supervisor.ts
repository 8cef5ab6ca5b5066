/** Keeps a worker running for every company that should be served, and for no other. */
import { UnrecoverableError, Worker } from "bullmq";
import { z } from "zod";
import { platformQueue, wakeChannel } from "../core/queues.ts";
import { countWorkers, forgetDeadWorkers, workerTtlSeconds } from "../core/worker-registry.ts";
import { closeWorker } from "./close-worker.ts";
import { findActiveCompany, listServedCompanies, listStillActive } from "./companies.ts";
import type { WorkersContext, WorkerTenant } from "./context.ts";
import { every } from "./every.ts";
import { createPool, type WorkerPool } from "./pool.ts";

export interface Supervisor {
  readonly pool: WorkerPool;
  close(): Promise<void>;
}

const orderSchema = z.object({ companyId: z.int().positive() });

/** How often queues are looked at whose producer said nothing: the longest wait of a job for a worker that sleeps. */
const lookMs = 1_000;
/** How often workers of companies that are no longer active are looked for, besides when a change is heard of. */
const stopCheckMs = 10_000;
/** How often companies without any living worker are looked for. */
const startCheckMs = 15_000;

/** Takes orders, beats the heart of every worker, and looks after what orders missed. */
export function startSupervisor(ctx: WorkersContext): Supervisor {
  const pool = createPool(ctx);
  const stopOrders = takeOrders(ctx, pool);
  const stopHearing = hearWakeUps(ctx, pool);
  const timers = [
    every(ctx.log, "stop check", { ms: stopCheckMs, act: () => stopInactive(ctx, pool) }),
    every(ctx.log, "look for work", { ms: lookMs, act: () => pool.look() }),
    every(ctx.log, "heartbeat", { ms: (workerTtlSeconds * 1000) / 3, act: () => pool.beat() }),
    every(ctx.log, "start check", { ms: startCheckMs, act: () => startMissing(ctx, pool), now: true }),
  ] as const;
  ctx.listener.subscribe({
    changed: (companyId) => {
      if (pool.has(companyId)) timers[0].now();
    },
    lost: () => undefined,
    restored: () => timers[0].now(),
  });
  return {
    pool,
    async close() {
      await Promise.all(timers.map((timer) => timer.stop()));
      stopHearing();
      await stopOrders();
      await pool.close();
    },
  };
}

function takeOrders(ctx: WorkersContext, pool: WorkerPool): () => Promise<void> {
  const take = async ({ data }: { data: unknown }) => {
    const order = orderSchema.safeParse(data);
    if (!order.success) throw new UnrecoverableError("the order names no company");
    const tenant = await findActiveCompany(ctx, order.data.companyId);
    if (tenant !== undefined) await employ(ctx, pool, tenant);
  };
  const connection = ctx.redis.duplicate({ maxRetriesPerRequest: null, commandTimeout: undefined as never });
  connection.on("error", () => undefined);
  const worker = new Worker(platformQueue.name, take, {
    prefix: platformQueue.prefix,
    connection,
    concurrency: 8,
    skipVersionCheck: true,
  });
  worker.on("error", (error) => ctx.log.debug({ err: error }, "orders"));
  worker.on("failed", (job, error) =>
    ctx.log.warn({ err: error, order: job?.name }, "order failed; the control plane repeats it"),
  );
  return () => closeWorker(worker, connection);
}

/**
 * Adds the tenant and looks again: a change that came before the slot was there was not for this pool to hear, and
 * nobody else would send the worker away for a while.
 */
async function employ(ctx: WorkersContext, pool: WorkerPool, tenant: WorkerTenant): Promise<void> {
  await pool.add(tenant);
  if ((await findActiveCompany(ctx, tenant.id)) === undefined) await pool.remove(tenant.id);
}

/** Producers name companies that have work: those wait for no look. */
function hearWakeUps(ctx: WorkersContext, pool: WorkerPool): () => void {
  const ear = ctx.redis.duplicate({ maxRetriesPerRequest: null });
  ear.on("error", () => undefined);
  ear.on("message", (_channel, companyId) => pool.wake(Number(companyId)));
  ear.subscribe(wakeChannel).catch((error: unknown) => ctx.log.debug({ err: error }, "wake-ups are not heard"));
  return () => ear.disconnect();
}

async function stopInactive(ctx: WorkersContext, pool: WorkerPool): Promise<void> {
  const held = pool.companyIds();
  const active = await listStillActive(ctx, held);
  await Promise.all(held.filter((id) => !active.has(id)).map((id) => pool.remove(id)));
}

/** After a restart of this program or of Redis no order comes: the rows say who needs a worker. */
async function startMissing(ctx: WorkersContext, pool: WorkerPool): Promise<void> {
  const companies = await listServedCompanies(ctx);
  const counts = await countWorkers(
    ctx.redis,
    companies.map(({ id }) => id),
  );
  const held = new Set(pool.companyIds());
  for (const company of companies) {
    if (counts.get(company.id) !== 0 || held.has(company.id)) continue;
    await forgetDeadWorkers(ctx.redis, company.id);
    await employ(ctx, pool, company).catch((error: unknown) =>
      ctx.log.warn({ err: error, companyId: company.id }, "worker not started yet"),
    );
  }
}
