import type { Request, RequestHandler } from "express";
import { ipKeyGenerator, rateLimit } from "express-rate-limit";
import { AppError } from "../../../core/errors.ts";
import { findVisitor } from "./visitor.ts";

const windowMs = 60_000;

/** Messages a minute: 20 of one visitor, 120 of one address, for a visitor without the cookie is new each time. */
export const limitMessages = (): RequestHandler[] => [
  perMinute(120, addressOf),
  perMinute(20, (req) => findVisitor(req) ?? `new ${addressOf(req)}`),
];

function perMinute(limit: number, key: (req: Request) => string): RequestHandler {
  return rateLimit({
    windowMs,
    limit,
    standardHeaders: "draft-8",
    legacyHeaders: false,
    keyGenerator: (req) => `${req.tenant.id} ${key(req)}`,
    handler: () => {
      throw new AppError("too-many-requests", "Wait a minute before you send more.", { retryAfterSeconds: 60 });
    },
  });
}

const addressOf = (req: Request): string => ipKeyGenerator(req.ip ?? "");
