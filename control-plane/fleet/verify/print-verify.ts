import type { Difference } from "./drift.ts";
import type { VerifyResult } from "./verify-fleet.ts";
import type { Verdict } from "./verify-tenant.ts";

/** Text for a terminal: a line for each difference, then the counts. `VerifyResult` itself is the JSON. */
export function printVerify({ head, counts, tenants, seconds }: VerifyResult): string {
  const told = tenants.flatMap(printVerdict);
  const { ok, behind, drifted, missing, unknown } = counts;
  const untold = drifted + missing + unknown - tenants.length;
  const sums = [`${ok} ok`, `${behind} behind`, `${drifted} drifted`, `${missing} missing`, `${unknown} unknown`];
  const total = ok + behind + drifted + missing + unknown;
  return [
    ...told,
    ...(untold > 0 ? [`… and ${untold} more tenants that are not ok: name them with --tenant`] : []),
    `${total} schemas in ${seconds.toFixed(1)} s (${Math.round(total / Math.max(seconds, 0.001))}/s), head ${head}: ${sums.join(", ")}`,
  ].join("\n");
}

/** 0: all ok. 1: something drifted, is missing or could not be judged. 3: all as they should be, some at an older version. */
export function verifyExitCode({ counts }: VerifyResult): 0 | 1 | 3 {
  if (counts.drifted + counts.missing + counts.unknown > 0) return 1;
  return counts.behind > 0 ? 3 : 0;
}

/** Without differences the status and its reason. */
export function printVerdict({ schema, status, reason, differences }: Verdict): string[] {
  if (differences.length === 0) return [`${schema}: ${status}${reason === undefined ? "" : `: ${reason}`}`];
  const head = reason === undefined ? [] : [`${schema}: ${reason}`];
  return [...head, ...differences.map((difference) => printDifference(schema, difference))];
}

/** `tenant_42 customers.email: type is text, should be citext`; `tenant_42: index orders_by_day is missing`. */
export function printDifference(schema: string, difference: Difference): string {
  const { kind, object, attribute, expected, actual } = difference;
  if (kind === "more") return `${schema}: … and ${object}`;
  if (attribute !== undefined) {
    const what = ["column", "type", "default", "owner"].includes(kind) ? object : `${kind} ${object}`;
    return `${schema} ${what}: ${attribute} is ${oneLine(actual)}, should be ${oneLine(expected)}`;
  }
  const about = describable.has(kind) ? details(expected ?? actual) : "";
  return `${schema}: ${kind} ${object} ${actual === null ? "is missing" : "should not be there"}${about}`;
}

const describable = new Set(["column", "constraint", "index", "trigger", "type"]);

const details = (text: string | null): string => (text === null || text === "" ? "" : ` (${oneLine(text)})`);

const longest = 200;

function oneLine(text: string | null): string {
  if (text === null) return "none";
  const line = text.replace(/\s+/g, " ").trim();
  return line.length > longest ? `${line.slice(0, longest)}…` : line;
}
