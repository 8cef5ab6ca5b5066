import type { RequestHandler } from "express";
import { rateLimit } from "express-rate-limit";
import { AppError } from "../../core/errors.ts";

/** Refused sign-ins of one address: 30 in five minutes, over all places that share the handler. Good ones do not count. */
export function slowGuessing(): RequestHandler {
  return rateLimit({
    windowMs: 5 * 60_000,
    limit: 30,
    skipSuccessfulRequests: true,
    standardHeaders: "draft-8",
    legacyHeaders: false,
    handler: () => {
      throw new AppError("too-many-requests", "Wait five minutes before you try again.", { retryAfterSeconds: 300 });
    },
  });
}
