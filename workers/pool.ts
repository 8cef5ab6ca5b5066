/** All workers of this process: at most one for each tenant. */
import { randomUUID } from "node:crypto";
import type { WorkersContext, WorkerTenant } from "./context.ts";
import { startTenantWorker, type TenantWorker } from "./tenant-worker.ts";

export interface WorkerPool {
  /** Starts the tenant's worker unless it runs here already. */
  start(tenant: WorkerTenant): Promise<void>;
  stop(companyId: number): Promise<void>;
  /** Tenants with a worker here. */
  companyIds(): number[];
  beat(): Promise<void>;
  close(): Promise<void>;
}

export function createPool(ctx: WorkersContext): WorkerPool {
  const workers = new Map<number, Promise<TenantWorker>>();
  const stop = async (companyId: number) => {
    const worker = workers.get(companyId);
    workers.delete(companyId);
    await (await worker)?.close();
  };
  return {
    async start(tenant) {
      let worker = workers.get(tenant.id);
      if (worker === undefined) {
        worker = startTenantWorker(ctx, tenant, { workerId: randomUUID() });
        workers.set(tenant.id, worker);
        worker.catch(() => workers.delete(tenant.id));
      }
      await worker;
    },
    stop,
    companyIds: () => [...workers.keys()],
    async beat() {
      const alive = await Promise.allSettled(workers.values());
      const beats = alive.flatMap((one) => (one.status === "fulfilled" ? [one.value.beat()] : []));
      await Promise.allSettled(beats);
    },
    async close() {
      await Promise.allSettled([...workers.keys()].map(stop));
    },
  };
}
