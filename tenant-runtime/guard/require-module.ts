import type { RequestHandler } from "express";
import { AppError } from "../../core/errors.ts";

/** Lets only companies through that have the module. @throws AppError `module-not-in-plan`. */
export const requireModule =
  (code: string): RequestHandler =>
  (req, _res, next) => {
    if (!req.tenant.modules.includes(code))
      throw new AppError("module-not-in-plan", `Ask the platform for a plan with the module '${code}'.`);
    next();
  };
