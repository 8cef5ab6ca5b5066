import type { RequestHandler } from "express";
import { AppError } from "../../core/errors.ts";
import type { Permission } from "./permissions.ts";

/** Behind the guard: lets those through who have the permission. @throws AppError `not-allowed`. */
export function requirePermission(permission: Permission): RequestHandler {
  return (req, _res, next) => {
    if (!req.user.permissions.includes(permission))
      throw new AppError("not-allowed", `This needs the permission ${permission}; ask an owner or admin for it.`);
    next();
  };
}
