import type { Request, RequestHandler } from "express";
import { ipKeyGenerator, rateLimit } from "express-rate-limit";
import { AppError } from "./errors.ts";

/**
 * Refused sign-ins of one address: 30 in five minutes, over all routes that share the handler. Good ones do not count.
 * @param scopeOf counts apart what it names differently, e.g. one company from another.
 */
export function slowGuessing(scopeOf: (req: Request) => string = () => ""): RequestHandler {
  return rateLimit({
    windowMs: 5 * 60_000,
    limit: 30,
    skipSuccessfulRequests: true,
    standardHeaders: "draft-8",
    legacyHeaders: false,
    keyGenerator: (req) => `${scopeOf(req)} ${ipKeyGenerator(req.ip ?? "")}`,
    handler: () => {
      throw new AppError("too-many-requests", "Wait five minutes before you try again.", { retryAfterSeconds: 300 });
    },
  });
}
