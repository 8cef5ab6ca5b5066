import type { RequestHandler } from "express";
import { AppError } from "../../core/errors.ts";

const bodiless = new Set(["GET", "HEAD", "DELETE", "OPTIONS"]);

/** Refuses what cannot be passed on as it was meant. */
export const refuseUnforwardable: RequestHandler = (req, _res, next) => {
  // The answer would show the identity that was signed for the service.
  if (req.method === "TRACE") throw new AppError("method-not-allowed", "Use another method.");
  if (/websocket/i.test(req.headers.upgrade ?? "")) throw refused("Upgrade", "WebSockets are not passed on");
  // Node and the proxy write such a body after a head that announces none: the service would read it as a request.
  if (bodiless.has(req.method) && req.headers["transfer-encoding"] !== undefined)
    throw refused("Transfer-Encoding", `a body of ${req.method} needs Content-Length`);
  next();
};

const refused = (header: string, detail: string): AppError =>
  new AppError("invalid-request", "Correct the header named in 'errors' and send the request again.", {
    errors: [{ pointer: `#header/${header}`, detail }],
  });
