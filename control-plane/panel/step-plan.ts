/** Which steps a person follows, and of which resources each is made: as they are made, rest, or are removed. */
import { isRemoval, type DesiredState } from "../../core/tenant.ts";
import { blockersOf, isAtGoal } from "../lifecycle/plan-steps.ts";
import type { ResourceName } from "../lifecycle/resource.ts";
import { resources as known } from "../lifecycle/resources/index.ts";
import type { TenantView } from "../tenants/tenant-schemas.ts";

export type Resources = TenantView["resources"];
export type StepMode = "making" | "resting" | "removing";

export interface Step {
  readonly name: string;
  readonly of: readonly ResourceName[];
}

const database: Step = { name: "database", of: ["database", "owner"] };
const cache: Step = { name: "cache", of: ["cache", "queue"] };
const domains: Step = { name: "domains", of: ["dns", "certificate"] };
const worker: Step = { name: "worker", of: ["worker"] };
const archive: Step = { name: "archive", of: ["archive"] };

export function modeOf(desired: DesiredState): StepMode {
  if (isRemoval(desired)) return "removing";
  return desired === "active" ? "making" : "resting";
}

/** In the order in which they happen. The last export is a step only where there is one: not of what never lived. */
export function stepsOf(desired: DesiredState, resources: Resources): readonly Step[] {
  if (!isRemoval(desired)) return [database, cache, domains, worker];
  const hasExport = ownOf(archive, resources).length > 0;
  return [worker, ...(hasExport ? [archive] : []), domains, cache, database];
}

export const ownOf = ({ of }: Step, resources: Resources): Resources =>
  resources.filter(({ name }) => of.includes(name as ResourceName));

/** There is nothing more to do for the resource. */
export const isDone = (desired: DesiredState, { name, status }: Resources[number]): boolean =>
  isAtGoal(desired, { name: name as ResourceName, status });

/** The other steps of which something has to be done first and is not. */
export function blockingSteps(step: Step, resources: Resources, desired: DesiredState): Step[] {
  const own = known.filter(({ name }) => step.of.includes(name));
  const before = new Set(own.flatMap((resource) => blockersOf(resource, known, desired)));
  const missing = resources.filter(({ name }) => before.has(name as ResourceName));
  const blockers = new Set(missing.filter((resource) => !isDone(desired, resource)).map(({ name }) => name));
  return stepsOf(desired, resources).filter((other) => other !== step && other.of.some((name) => blockers.has(name)));
}
