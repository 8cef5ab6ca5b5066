import type { RequestHandler } from "express";
import { AppError } from "../../core/errors.ts";

/** Lets companies through whose plan has the module. @throws AppError `module-not-in-plan`. */
export function requireModule(code: string): RequestHandler {
  return (req, _res, next) => {
    if (!req.tenant.modules.includes(code))
      throw new AppError(
        "module-not-in-plan",
        `The module ${code} is not part of the plan; change the plan to use it.`,
      );
    next();
  };
}
