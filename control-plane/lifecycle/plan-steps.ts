import { isRemoval, type DesiredState } from "../../core/tenant.ts";
import type { ResourceRow, ResourceStatus } from "./operation-store.ts";
import type { Resource, ResourceName } from "./resource.ts";

/**
 * Where a resource is headed; undefined where it is left as it is. A suspended company keeps everything it owns and has
 * nobody working for it. Of a closed one nothing is mended or renewed either: only its queue is paused.
 */
export function goalOf(desired: DesiredState, name: ResourceName): ResourceStatus | undefined {
  if (name === "archive") return desired === "deleted" ? "ready" : "absent";
  if (isRemoval(desired) || (desired !== "active" && name === "worker")) return "absent";
  return desired === "closed" && name !== "queue" ? undefined : "ready";
}

/** There is nothing more to do for it. */
export function isAtGoal(desired: DesiredState, { name, status }: Pick<ResourceRow, "name" | "status">): boolean {
  return [undefined, status].includes(goalOf(desired, name));
}

/**
 * What a resource waits for: the ones before it when it is made, the ones built on it when it is removed. A company that
 * lived is exported when nobody works for it any more, and before any of its data goes.
 */
export function blockersOf(resource: Resource, resources: readonly Resource[], desired: DesiredState): ResourceName[] {
  if (!isRemoval(desired)) return [...resource.after];
  if (resource.name === "archive") return ["worker"];
  const builtOnIt = resources.filter((other) => other.after.includes(resource.name)).map((other) => other.name);
  return desired === "deleted" && resource.holdsData ? ["archive", ...builtOnIt] : builtOnIt;
}

/** Resources whose turn it is: not at their goal, due, and nothing before them is missing. */
export function dueResources(
  resources: readonly Resource[],
  rows: ReadonlyMap<string, ResourceRow>,
  { desired, now }: { desired: DesiredState; now: number },
): Resource[] {
  const reached = (name: ResourceName) => {
    const row = rows.get(name);
    return row !== undefined && isAtGoal(desired, row);
  };
  return resources.filter((resource) => {
    const row = rows.get(resource.name);
    if (row === undefined || reached(resource.name)) return false;
    if (row.next_attempt_at === null || row.next_attempt_at.getTime() > now) return false;
    return blockersOf(resource, resources, desired).every(reached);
  });
}
