/** Keeps a worker running for every company that should be served, and for no other. */
import { UnrecoverableError, Worker } from "bullmq";
import { z } from "zod";
import { platformQueue } from "../core/queues.ts";
import { countWorkers, workerTtlSeconds } from "../core/worker-registry.ts";
import { closeWorker } from "./close-worker.ts";
import { findActiveCompany, listServedCompanies, listStillActive } from "./companies.ts";
import type { WorkersContext } from "./context.ts";
import { createPool, type WorkerPool } from "./pool.ts";

export interface Supervisor {
  readonly pool: WorkerPool;
  close(): Promise<void>;
}

const orderSchema = z.object({ companyId: z.int().positive() });

/** How often workers of companies that are no longer active are looked for. */
const stopCheckMs = 2_000;
/** How often companies without any living worker are looked for. */
const startCheckMs = 15_000;

/** Takes orders, beats the heart of every worker, and looks after what orders missed. */
export function startSupervisor(ctx: WorkersContext): Supervisor {
  const pool = createPool(ctx);
  const stopOrders = takeOrders(ctx, pool);
  const timers = [
    every(ctx, "heartbeat", { ms: (workerTtlSeconds * 1000) / 3, act: () => pool.beat() }),
    every(ctx, "stop check", { ms: stopCheckMs, act: () => stopInactive(ctx, pool) }),
    every(ctx, "start check", { ms: startCheckMs, act: () => startMissing(ctx, pool), now: true }),
  ];
  return {
    pool,
    async close() {
      await Promise.all(timers.map((stop) => stop()));
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
    if (tenant !== undefined) await pool.start(tenant);
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

async function stopInactive(ctx: WorkersContext, pool: WorkerPool): Promise<void> {
  const held = pool.companyIds();
  const active = await listStillActive(ctx, held);
  await Promise.all(held.filter((id) => !active.has(id)).map((id) => pool.stop(id)));
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
    await pool
      .start(company)
      .catch((error: unknown) => ctx.log.warn({ err: error, companyId: company.id }, "worker not started yet"));
  }
}

/** Repeats `act`, one at a time; failures are logged. Answers how to stop, which waits for the running one. */
function every(
  ctx: WorkersContext,
  name: string,
  { ms, act, now = false }: { ms: number; act: () => Promise<void>; now?: boolean },
): () => Promise<void> {
  let running: Promise<void> | undefined;
  const run = () => {
    running ??= act()
      .catch((error: unknown) => ctx.log.warn({ err: error }, `${name} failed; it comes again`))
      .finally(() => (running = undefined));
  };
  const timer = setInterval(run, ms);
  if (now) run();
  return async () => {
    clearInterval(timer);
    await running;
  };
}
