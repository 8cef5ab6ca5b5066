import type { RequestHandler } from "express";
import type { Registry } from "prom-client";
import type { TenancyContext } from "./context.ts";
import { admitRequests } from "./limits/admit-requests.ts";
import { resolveTenant } from "./resolution/resolve-tenant.ts";

/**
 * Finds the tenant that a request is for, holds it to its plan and counts what it uses. One handler for both, because
 * what Express does between two of them takes longer than either.
 */
export function serveTenants(ctx: TenancyContext, registry: Registry): RequestHandler {
  const resolve = resolveTenant(ctx);
  const admit = admitRequests(ctx, registry);
  return (req, res, next) =>
    resolve(req, res, (error?: unknown) => (error === undefined ? admit(req, res, next) : next(error)));
}
