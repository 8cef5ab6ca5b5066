/** Orders for replies. A message is stored before its order is placed, so an order that Redis cannot take now waits here. */
import { setTimeout as sleep } from "node:timers/promises";
import { isServiceDown } from "../../../core/errors.ts";
import type { Logger } from "../../../core/logger.ts";
import { addTenantJob, type TenantJobs } from "../../../core/queues.ts";
import type { Redis } from "../../../core/redis.ts";

export interface ReplyOrder {
  readonly companyId: number;
  readonly data: TenantJobs["chat.reply"];
}

export interface ReplyOrders {
  /** True when a worker will see the order now; false when it is placed as soon as Redis answers again. */
  place(order: ReplyOrder): Promise<boolean>;
  /** Orders still waiting are lost with the process; their number is logged. */
  close(): Promise<void>;
}

const retryMs = 2_000;
const waitingAtMost = 10_000;

export function openReplyOrders(redis: Redis, log: Logger): ReplyOrders {
  const waiting = new Map<string, ReplyOrder>();
  const stop = new AbortController();
  let retrying: Promise<void> | undefined;

  const send = async ({ companyId, data }: ReplyOrder): Promise<boolean> => {
    try {
      await addTenantJob(redis, companyId, { name: "chat.reply", data, id: data.messageId });
      return true;
    } catch (error) {
      if (!isServiceDown(error)) log.error({ err: error, companyId }, "a reply could not be ordered");
      return false;
    }
  };

  const retry = async () => {
    while (waiting.size > 0 && !stop.signal.aborted) {
      await sleep(retryMs, undefined, { signal: stop.signal }).catch(() => undefined);
      for (const [id, order] of waiting) {
        if (stop.signal.aborted || !(await send(order))) break;
        waiting.delete(id);
      }
    }
    retrying = undefined;
  };

  return {
    async place(order) {
      if (await send(order)) return true;
      if (waiting.size < waitingAtMost) waiting.set(order.data.messageId, order);
      else log.error({ companyId: order.companyId }, "too many replies wait for Redis; one will not be ordered");
      retrying ??= retry();
      return false;
    },
    async close() {
      stop.abort();
      await retrying;
      if (waiting.size > 0) log.warn({ orders: waiting.size }, "replies were not ordered: Redis did not come back");
    },
  };
}
