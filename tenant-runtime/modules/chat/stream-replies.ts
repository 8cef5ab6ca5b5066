import type { Request, Response } from "express";
import { z } from "zod";
import type { RuntimeContext } from "../../context.ts";
import { eventIdPattern, type TenantEvent } from "../../event-reader.ts";
import type { Message } from "./conversation-store.ts";

const heartbeatMs = 15_000;
/** A client that reads nothing is let go of before its backlog fills our memory. */
const backlogBytes = 256 * 1024;

const reply = z.object({ id: z.string(), body: z.string(), createdAt: z.string() });

/**
 * Server-sent events (WHATWG HTML, 9.2) of one conversation. `id` is the stream entry's, so `Last-Event-ID` replays what
 * was missed. Headers are sent when nothing can be missed any more: a page that asks for its messages once the stream
 * is open has them all.
 */
export async function streamReplies(
  ctx: RuntimeContext,
  { req, res, conversationId }: { req: Request; res: Response; conversationId: string },
): Promise<void> {
  const held: string[] = [];
  const write = (chunk: string) => {
    if (!res.headersSent) held.push(chunk);
    else if (res.writableLength > backlogBytes) res.destroy();
    else res.write(chunk);
  };
  const leave = await ctx.events.listen(req.tenant.id, {
    conversationId,
    after: eventIdPattern.exec(req.get("last-event-id") ?? "")?.[0],
    deliver: (event) => write(formatEvent(event)),
    end: () => void res.end(),
  });
  const heartbeat = setInterval(() => write(": still here\n\n"), heartbeatMs);
  const letGo = () => {
    clearInterval(heartbeat);
    leave();
  };
  if (res.closed || res.writableEnded) return letGo();
  res.once("close", letGo);
  req.admission.letStream();
  res.writeHead(200, { "Content-Type": "text/event-stream; charset=utf-8", "X-Accel-Buffering": "no" });
  res.write(["retry: 2000\n\n", ...held].join(""));
}

/** Written anew, so that nothing in the entry can end the line and begin a field of its own; '' for another kind. */
function formatEvent({ id, type, data }: TenantEvent): string {
  const parsed = type === "chat.reply" ? reply.safeParse(parseJson(data)) : undefined;
  if (!parsed?.success) return "";
  const message: Message = { ...parsed.data, from: "company" };
  return `id: ${id}\nevent: chat.reply\ndata: ${JSON.stringify(message)}\n\n`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
