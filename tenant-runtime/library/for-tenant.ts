/** A tenant outside of a request: for jobs and scripts. */
import { AppError } from "../../core/errors.ts";
import type { TenancyContext } from "../context.ts";
import { normaliseHost } from "../resolution/host-name.ts";
import { believedMs, createRegistryCache } from "../resolution/registry-cache.ts";
import { refuseUnlessActive } from "../resolution/resolve-tenant.ts";
import { findTenantById } from "../resolution/tenant-store.ts";
import type { FindTenant } from "./tenancy.ts";

/** @returns a function that answers from memory while nothing about the tenant changes. */
export function tenantFinder(ctx: TenancyContext): FindTenant {
  const byId = createRegistryCache({
    max: 10_000,
    ttlMs: believedMs,
    staleMs: ctx.config.RESOLUTION_STALE_SECONDS * 1000,
    load: (id: string) => findTenantById(ctx.registry, ctx.tenantPool, Number(id)),
  });
  ctx.listener.subscribe(byId);
  return async (reference, { alsoWhen = [] } = {}) => {
    const key = typeof reference === "number" ? idKey(reference) : normaliseHost(reference);
    const tenant = key && (await (typeof reference === "number" ? byId : ctx.tenants).get(key));
    if (!tenant || tenant.desiredState === "rolled_back")
      throw new AppError("tenant-not-found", "Name a tenant by its id, or by one of its hosts.");
    if (!alsoWhen.some((state) => state === tenant.desiredState)) refuseUnlessActive(tenant);
    return tenant;
  };
}

const idKey = (id: number): string | undefined => (Number.isSafeInteger(id) && id > 0 ? String(id) : undefined);
