import { setTimeout as sleep } from "node:timers/promises";
import type { Worker } from "bullmq";
import type { Redis } from "../core/redis.ts";

/** What a running job gets to end; after that another worker takes it over as stalled. */
const graceMs = 8_000;

/**
 * Closes a worker and its connection in bounded time. BullMQ waits without limit when it is closed while its
 * connection is on the way back, and then keeps a reconnecting socket.
 */
export async function closeWorker(worker: Worker, redis: Redis): Promise<void> {
  const over = new AbortController();
  const patience = sleep(graceMs, undefined, { signal: over.signal }).catch(() => undefined);
  // A lost connection has no job to wait for.
  const lost =
    redis.status === "ready" ? patience : sleep(500, undefined, { signal: over.signal }).catch(() => undefined);
  await Promise.race([worker.close().catch(() => undefined), lost, patience]);
  over.abort();
  redis.disconnect();
  await Promise.race([worker.disconnect().catch(() => undefined), sleep(500)]);
}
