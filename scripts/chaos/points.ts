/** Every place where something is killed, and the operation that comes by it: read from what the loop walks. */
import { goalOf } from "../../control-plane/lifecycle/plan-steps.ts";
import type { Resource } from "../../control-plane/lifecycle/resource.ts";
import { resources } from "../../control-plane/lifecycle/resources/index.ts";
import { journeys, type Journey } from "./journeys.ts";

export interface ChaosPoint {
  readonly operation: string;
  /** As CRASH_FILE names it. */
  readonly point: string;
  /** Where whoever takes over after a crash here is sure to come by as well. */
  readonly next: string;
}

/** Places inside an effect, which its resource names itself. */
const inner: Readonly<Record<string, readonly string[]>> = {
  delete: [
    "deleted.archive.draft",
    "deleted.archive.file",
    "deleted.cache.between",
    "deleted.database.chunk",
    "deleted.database.between",
  ],
};

export const chaosPoints: readonly ChaosPoint[] = journeys.flatMap(pointsOf);

function pointsOf(journey: Journey): ChaosPoint[] {
  const { operation, to, rows } = journey;
  const point = (name: string, next: string): ChaosPoint => ({ operation, point: name, next });
  const settle = `${to}.settle`;
  const around = rows.map((name) => point(name, name.endsWith(".before") ? name.replace(/before$/, "after") : settle));
  const walked = journey.sharesWalk ? [] : resources.filter((resource) => isTouched(journey, resource));
  // Whoever takes over finds the row at work, and does all of it again.
  const effects = walked.flatMap(({ name }) => [
    point(`${to}.${name}.before`, `${to}.${name}.after`),
    point(`${to}.${name}.after`, `${to}.${name}.before`),
  ]);
  const within = (inner[operation] ?? []).map((name) => point(name, name.replace(/\w+$/, "after")));
  return around.concat(effects, within, point(settle, settle));
}

/** The journey's walk makes, changes or removes it. */
function isTouched({ from, to, renewsAll }: Journey, { name, followsSuspension }: Resource): boolean {
  const goal = goalOf(to, name);
  if (goal === undefined) return false;
  // What a state leaves as it is, is as it was in an active company.
  const before = from === undefined ? "absent" : (goalOf(from, name) ?? goalOf("active", name));
  return goal !== before || (goal === "ready" && (followsSuspension === true || renewsAll === true));
}
