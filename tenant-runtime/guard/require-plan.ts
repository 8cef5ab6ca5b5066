import type { RequestHandler } from "express";
import { AppError } from "../../core/errors.ts";

/** Lets companies of these plans through, by the registry's word and not the token's. @throws AppError `module-not-in-plan`. */
export function requirePlan(...codes: readonly string[]): RequestHandler {
  return (req, _res, next) => {
    if (!codes.includes(req.tenant.plan))
      throw new AppError(
        "module-not-in-plan",
        `This is part of the plans ${codes.join(", ")}; change the plan to use it.`,
      );
    next();
  };
}
