import type { DesiredState } from "../../core/tenant.ts";
import type { ResourceRow, ResourceStatus } from "./operation-store.ts";
import type { Resource } from "./resource.ts";

/** Where a resource is headed: everything but deletion wants it there. */
export const goalOf = (desired: DesiredState): ResourceStatus => (desired === "deleted" ? "absent" : "ready");

/** What a resource waits for: the ones before it when it is made, the ones built on it when it is removed. */
export function blockersOf(resource: Resource, resources: readonly Resource[], desired: DesiredState): string[] {
  if (desired !== "deleted") return [...resource.after];
  return resources.filter((other) => other.after.includes(resource.name)).map((other) => other.name);
}

/** Resources whose turn it is: not at their goal, due, and nothing before them is missing. */
export function dueResources(
  resources: readonly Resource[],
  rows: ReadonlyMap<string, ResourceRow>,
  { desired, now }: { desired: DesiredState; now: number },
): Resource[] {
  const goal = goalOf(desired);
  const reached = (name: string) => rows.get(name)?.status === goal;
  return resources.filter((resource) => {
    const row = rows.get(resource.name);
    if (row === undefined || row.status === goal) return false;
    if (row.next_attempt_at === null || row.next_attempt_at.getTime() > now) return false;
    return blockersOf(resource, resources, desired).every(reached);
  });
}
