/**
 * Whom the code that runs now works for, through every await and callback. For logs, metrics and jobs only: data is
 * reached through the handle that a request or a job was given, never through this.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { Tenant } from "./tenant.ts";

export type CurrentTenant = Pick<Tenant, "id" | "uuid" | "slug">;

const storage = new AsyncLocalStorage<CurrentTenant>();

/** Runs `work`, and everything that it starts, for the tenant; outside of it nothing changes. */
export const runAsTenant = <T>(tenant: CurrentTenant, work: () => T): T => storage.run(tenant, work);

/** @throws Error outside of `runAsTenant`: what belongs to nobody must not be counted as somebody's. */
export function currentTenant(): CurrentTenant {
  const tenant = storage.getStore();
  if (tenant === undefined) throw new Error("no tenant is served here: call this from a request or a job of a tenant");
  return tenant;
}

/** For what serves both kinds of code, e.g. the logger. */
export const findCurrentTenant = (): CurrentTenant | undefined => storage.getStore();
