/** A company in words, for the list and for its own page. */
import type { TenantView } from "../tenants/tenant-schemas.ts";
import type { Locale } from "./locale.ts";

export function presentCompany(locale: Locale, tenant: TenantView) {
  // Of all that is being deleted only what is still kept has a date.
  const state = tenant.purgeAfter === null ? tenant.status : "closed";
  return {
    ...tenant,
    state,
    statusText: locale.text(`status.${state}`),
    // A deleted company's addresses lead nowhere.
    isServed: !["closed", "deleting", "deleted"].includes(state),
    isGone: tenant.status === "deleted",
    workers: tenant.activeWorkers ?? locale.text("workers.unknown"),
    hosts: tenant.hosts.map((host) => ({
      ...host,
      purpose: locale.text(`host.${host.kind}`),
      isAsWanted: tenant.status === "deleted" || (host.domainStatus === "ready" && host.sslStatus === "active"),
      domainText: locale.text(`domain.${host.domainStatus}`),
      sslText: locale.text(`ssl.${host.sslStatus}`),
    })),
  };
}
