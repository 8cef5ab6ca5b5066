/** A tenant's place in this process: always registered, connected only while there is work. */
import type { WorkerInfo } from "../core/worker-registry.ts";
import type { WorkersContext, WorkerTenant } from "./context.ts";
import { startTenantWorker, type TenantWorker } from "./tenant-worker.ts";

export interface Slot {
  readonly info: WorkerInfo;
  isAwake(): boolean;
  /** True when it is awake and had nothing to do for `idleMs`. */
  isIdle(idleMs: number): boolean;
  /** Connects and takes jobs. One that cannot now stays asleep; whoever looks for work next tries again. */
  wake(): Promise<void>;
  /** Lets running jobs end and gives the connections back. */
  sleep(): Promise<void>;
}

export function createSlot(ctx: WorkersContext, tenant: WorkerTenant, info: WorkerInfo): Slot {
  let worker: Promise<TenantWorker> | undefined;
  let awake: TenantWorker | undefined;
  return {
    info,
    isAwake: () => worker !== undefined,
    isIdle: (idleMs) => awake !== undefined && performance.now() - awake.lastBusy() > idleMs,
    async wake() {
      if (worker !== undefined) return;
      const starting = startTenantWorker(ctx, tenant, info);
      worker = starting;
      try {
        const started = await starting;
        if (worker === starting) awake = started;
      } catch (error) {
        if (worker === starting) worker = undefined;
        ctx.log.warn({ err: error, companyId: tenant.id }, "worker cannot take jobs yet");
      }
    },
    async sleep() {
      const closing = worker;
      worker = undefined;
      awake = undefined;
      await (await closing?.catch(() => undefined))?.close();
    },
  };
}
