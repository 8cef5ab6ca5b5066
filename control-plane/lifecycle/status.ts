import { servingResources } from "../../core/tenant.ts";
import type { ResourceStatus } from "./operation-store.ts";
import { resources } from "./resources/index.ts";

/** Questions about a set of resource rows; a company's status itself is the view tenant_statuses. */
interface StatusRow {
  readonly name: string;
  readonly status: ResourceStatus;
}

/** Everything without which no request can be answered is there. */
export function isServable(rows: readonly StatusRow[]): boolean {
  return servingResources.every((name) => rows.some((row) => row.name === name && row.status === "ready"));
}

/** Each thing a company needs to be served is there, has failed, or waits for one that has: waiting longer helps nobody. */
export function isSettled(rows: readonly StatusRow[]): boolean {
  const statusOfName = new Map<string, ResourceStatus>(rows.map((row) => [row.name, row.status]));
  return servingResources.every((name) => {
    const status = statusOfName.get(name);
    if (status === "ready" || status === "failed") return true;
    const after = resources.find((resource) => resource.name === name)?.after ?? [];
    return status === "pending" && after.some((blocker) => statusOfName.get(blocker) === "failed");
  });
}
