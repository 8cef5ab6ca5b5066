/** A company in words, for the list and for its own page. */
import type { TenantView } from "../tenants/tenant-schemas.ts";
import type { Locale } from "./locale.ts";

export function presentCompany(locale: Locale, tenant: TenantView) {
  return {
    ...tenant,
    statusText: locale.text(`status.${tenant.status}`),
    workers: tenant.activeWorkers ?? locale.text("workers.unknown"),
    hosts: tenant.hosts.map((host) => ({
      ...host,
      purpose: locale.text(`host.${host.kind}`),
      isOpen: host.domainStatus === "ready" && host.sslStatus === "active",
      domainText: locale.text(`domain.${host.domainStatus}`),
      sslText: locale.text(`ssl.${host.sslStatus}`),
    })),
  };
}
