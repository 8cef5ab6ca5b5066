/** Every place where a crash is tried, and the operation that comes by it. */
import { ownedResources } from "../../control-plane/lifecycle/resources/index.ts";

export type ChaosOperation = "provision" | "suspend" | "resume" | "delete";

export interface ChaosPoint {
  readonly operation: ChaosOperation;
  /** Name as in CRASH_AT. */
  readonly point: string;
}

const around = (operation: ChaosOperation, state: string, names: readonly string[]): ChaosPoint[] =>
  names.flatMap((name) => ["before", "after"].map((side) => ({ operation, point: `${state}.${name}.${side}` })));

const all = ownedResources.map(({ name }) => name);

export const chaosPoints: readonly ChaosPoint[] = [
  ...around("provision", "active", ["row", ...all]),
  { operation: "provision", point: "active.settle" },
  { operation: "suspend", point: "suspend.row.after" },
  ...around("suspend", "suspended", ["queue", "worker"]),
  { operation: "suspend", point: "suspended.settle" },
  { operation: "resume", point: "resume.row.after" },
  ...around("resume", "active", ["queue", "worker"]),
  { operation: "delete", point: "delete.row.after" },
  ...around("delete", "deleted", ["archive", ...all]),
  ...["archive.draft", "archive.file", "cache.between", "database.chunk", "database.between", "settle"].map((name) => ({
    operation: "delete" as const,
    point: `deleted.${name}`,
  })),
];
