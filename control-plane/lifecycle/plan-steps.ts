import type { DesiredState } from "../../core/tenant.ts";
import type { ResourceRow, ResourceStatus } from "./operation-store.ts";
import type { Resource, ResourceName } from "./resource.ts";

/** Where a resource is headed. A suspended company keeps everything it owns and has nobody working for it. */
export function goalOf(desired: DesiredState, name: ResourceName): ResourceStatus {
  if (desired === "deleted") return "absent";
  return desired === "suspended" && name === "worker" ? "absent" : "ready";
}

/** What a resource waits for: the ones before it when it is made, the ones built on it when it is removed. */
export function blockersOf(resource: Resource, resources: readonly Resource[], desired: DesiredState): ResourceName[] {
  if (desired !== "deleted") return [...resource.after];
  return resources.filter((other) => other.after.includes(resource.name)).map((other) => other.name);
}

/** Resources whose turn it is: not at their goal, due, and nothing before them is missing. */
export function dueResources(
  resources: readonly Resource[],
  rows: ReadonlyMap<string, ResourceRow>,
  { desired, now }: { desired: DesiredState; now: number },
): Resource[] {
  const reached = (name: ResourceName) => rows.get(name)?.status === goalOf(desired, name);
  return resources.filter((resource) => {
    const row = rows.get(resource.name);
    if (row === undefined || reached(resource.name)) return false;
    if (row.next_attempt_at === null || row.next_attempt_at.getTime() > now) return false;
    return blockersOf(resource, resources, desired).every(reached);
  });
}
