/**
 * All tenants that this process works for. A connected BullMQ worker costs two connections and a poll for ever, so a
 * slot is connected only while its queue has work: woken by the producer's word, or within a second by looking.
 */
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { tenantQueueName } from "../core/queues.ts";
import { execAll } from "../core/redis.ts";
import { queuePrefix } from "../core/tenant.ts";
import { registerWorker, unregisterWorker, type WorkerInfo } from "../core/worker-registry.ts";
import type { WorkersContext, WorkerTenant } from "./context.ts";
import { createSlot, type Slot } from "./slot.ts";

export interface WorkerPool {
  /** Registers a worker for the tenant; one that is here already is entered again. */
  add(tenant: WorkerTenant): Promise<void>;
  /** Ends the tenant's worker here and takes it out of the registry. */
  remove(companyId: number): Promise<void>;
  has(companyId: number): boolean;
  /** Tenants with a worker here. */
  companyIds(): number[];
  /** The producer's word that there is work; unknown tenants are somebody else's. */
  wake(companyId: number): void;
  /** Wakes whoever has work and lets those sleep that had none for a while. */
  look(): Promise<void>;
  /** Says of every worker that it is alive. */
  beat(): Promise<void>;
  close(): Promise<void>;
}

const idleMs = 30_000;

export function createPool(ctx: WorkersContext): WorkerPool {
  const slots = new Map<number, Slot>();
  /** Stopped while Redis was away: a removal waits until nobody counts them any more. */
  const leaving = new Map<string, WorkerInfo>();
  const signOff = async (info: WorkerInfo) => {
    leaving.set(info.workerId, info);
    try {
      await unregisterWorker(ctx.redis, info.companyId, info.workerId);
      leaving.delete(info.workerId);
    } catch (error) {
      ctx.log.debug({ err: error, companyId: info.companyId }, "a stopped worker is still in the registry");
    }
  };
  const remove = async (companyId: number) => {
    const slot = slots.get(companyId);
    if (slot === undefined) return;
    slots.delete(companyId);
    await slot.sleep();
    await signOff(slot.info);
  };
  return {
    async add(tenant) {
      const known = slots.get(tenant.id);
      // Asked for though it is here: whoever asked did not find its entry.
      if (known !== undefined) return registerWorker(ctx.redis, known.info);
      const info = {
        companyId: tenant.id,
        workerId: randomUUID(),
        queue: tenantQueueName,
        hostname: hostname(),
        pid: process.pid,
      };
      slots.set(tenant.id, createSlot(ctx, tenant, info));
      await registerWorker(ctx.redis, info).catch((error: unknown) => {
        slots.delete(tenant.id);
        throw error;
      });
    },
    remove,
    has: (companyId) => slots.has(companyId),
    companyIds: () => [...slots.keys()],
    wake: (companyId) => void slots.get(companyId)?.wake(),
    async look() {
      const all = [...slots.values()];
      const quiet = all.filter((slot) => !slot.isAwake() || slot.isIdle(idleMs));
      const busy = await haveWork(ctx, quiet);
      await Promise.all(quiet.map((slot, i) => (busy[i] ? slot.wake() : slot.sleep())));
    },
    async beat() {
      await Promise.all([...leaving.values()].map(signOff));
      await Promise.all([...slots.values()].map(({ info }) => registerWorker(ctx.redis, info)));
    },
    async close() {
      await Promise.allSettled([...slots.keys()].map(remove));
    },
  };
}

/** Keys that BullMQ keeps exactly while a queue has jobs to take, to time, or to take back from a dead worker. */
const workKeys = ["marker", "wait", "prioritized", "active"];

/** One command for each queue, in one round trip. */
async function haveWork(ctx: WorkersContext, slots: readonly Slot[]): Promise<boolean[]> {
  if (slots.length === 0) return [];
  const pipeline = ctx.redis.pipeline();
  for (const { info } of slots) {
    const queue = `${queuePrefix(info.companyId)}:${info.queue}`;
    pipeline.exists(...workKeys.map((key) => `${queue}:${key}`));
  }
  return (await execAll(pipeline)).map((count) => Number(count) > 0);
}
