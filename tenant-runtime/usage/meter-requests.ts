import type { Socket } from "node:net";
import type { RequestHandler } from "express";
import type { TenancyContext } from "../context.ts";

/**
 * Counts each request of a company and its bytes, as its connection saw them, when its answer is out. What the limits
 * refused and what failed on our side (429, 5xx) is no request to pay for; its bytes are left out as well.
 */
export function meterRequests({ usage }: Pick<TenancyContext, "usage">): RequestHandler {
  const seen = new WeakMap<Socket, { read: number; written: number }>();
  return (req, res, next) => {
    const { socket } = req;
    const { id } = req.tenant;
    // A connection carries many requests, of other companies too behind a proxy: what it carried before is not this one's.
    res.once("close", () => {
      const before = seen.get(socket);
      const now = { read: socket.bytesRead, written: socket.bytesWritten };
      seen.set(socket, now);
      if (res.statusCode === 429 || res.statusCode >= 500) return;
      usage.add(id, "requests", 1);
      usage.add(id, "bytes_in", now.read - (before?.read ?? 0));
      usage.add(id, "bytes_out", now.written - (before?.written ?? 0));
    });
    next();
  };
}
