import { setTimeout as sleep } from "node:timers/promises";
import type { Request, Response } from "express";
import type { ControlContext } from "../context.ts";
import { findOperation, listEvents, type OperationEvent, type OperationRow } from "../lifecycle/operation-store.ts";

const pollMs = 150;
/** Proxies close what is silent for longer. */
export const heartbeatMs = 15_000;

/** Headers of server-sent events that nobody on the way keeps or holds back; a client comes again after a second. */
export function openEventStream(res: Response): void {
  res.writeHead(200, {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",
  });
  res.write("retry: 1000\n\n");
}

/**
 * Server-sent events (WHATWG HTML, 9.2). `id` is the event's number inside the operation, so `Last-Event-ID` replays
 * without loss. Ends with the operation's last event; a client that connects again after that gets 204 and stays away.
 */
export async function streamEvents(
  ctx: ControlContext,
  operation: OperationRow,
  { req, res }: { req: Request; res: Response },
): Promise<void> {
  let last = Number(/^\d{1,9}$/.exec(req.get("last-event-id") ?? "")?.[0] ?? 0);
  const first = await listEvents(ctx.db, operation.id, last);
  if (operation.status !== "running" && first.length === 0) {
    res.status(204).end();
    return;
  }
  openEventStream(res);
  let spoke = Date.now();
  for (let events = first; !res.closed; events = await listEvents(ctx.db, operation.id, last)) {
    for (const event of events) res.write(formatEvent(event));
    last = events.at(-1)?.seq ?? last;
    if (events.some(({ type }) => type === "operation.succeeded" || type === "operation.failed")) break;
    if (events.length > 0) spoke = Date.now();
    else if (await endedSilently(ctx, operation.id, last)) break;
    if (Date.now() - spoke > heartbeatMs) {
      res.write(": still here\n\n");
      spoke = Date.now();
    }
    await sleep(pollMs);
  }
  res.end();
}

/** An operation that another one replaced ends without an event of its own. */
async function endedSilently(ctx: ControlContext, id: string, last: number): Promise<boolean> {
  const operation = await findOperation(ctx.db, id);
  return operation?.status !== "running" && (await listEvents(ctx.db, id, last)).length === 0;
}

function formatEvent({ seq, type, resource, data, created_at }: OperationEvent): string {
  const payload = JSON.stringify({ type, resource, ...data, at: created_at.toISOString() });
  return `id: ${seq}\nevent: ${type}\ndata: ${payload}\n\n`;
}
