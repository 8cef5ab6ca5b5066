/** An explanation in sentences, for whoever has to decide what to do. */
import { isRemoval, type DesiredState } from "../../../core/tenant.ts";
import type { Explanation } from "./schema.ts";

type Facts = Omit<Explanation, "summary">;
type Blocking = Facts["blocking"][number];
type Finding = NonNullable<Facts["inspection"]>["findings"][number];

const aims: Readonly<Record<DesiredState, string>> = {
  active: "It should be active",
  suspended: "It should be suspended: its hosts answer 403 and nobody works for it",
  closed: "It is closed: its hosts answer 410 and its data is kept",
  deleted: "Everything it owns is to be removed",
  rolled_back: "It could not be made, so everything of it is to be removed",
};

/** The aim first, then what is in its way, who is at it, and what the last inspection saw. */
export function summarize({ id }: { readonly id: number }, facts: Facts): string[] {
  const { blocking, desiredState, inspection, lease, purgeAfter } = facts;
  const nothingLeft = isRemoval(desiredState) ? "nothing is left of it" : "everything is where it should be";
  const until = desiredState === "closed" && purgeAfter !== null ? ` until ${purgeAfter}` : "";
  return [
    `${aims[desiredState]}${until}${blocking.length === 0 ? `, and ${nothingLeft}` : ""}.`,
    ...blocking.map((one) => describeBlocking(one, { id, gone: isRemoval(desiredState) })),
    ...(lease && blocking.length > 0 ? [`The process ${lease.holder} is working on it now.`] : []),
    ...(inspection?.findings ?? []).map((finding) => describeFinding(finding, inspection?.inspectedAt ?? null)),
  ];
}

function describeBlocking(
  { resource, status, waitsFor, attempts, lastError, nextAttemptAt }: Blocking,
  { id, gone }: { id: number; gone: boolean },
): string {
  const next = nextAttemptAt === null ? undefined : `next attempt at ${nextAttemptAt}`;
  if (waitsFor.length > 0) return `${resource} waits for ${waitsFor.join(" and ")}${gone ? " to be gone" : ""}.`;
  if (status === "working") return `${resource} is being ${gone ? "removed" : "made"}, attempt ${attempts}.`;
  if (status !== "failed" || lastError === null) return `${resource} is ${status}; ${next ?? "nothing is planned"}.`;
  const ends = next ?? `it is not tried again by itself: mend it, then POST /api/tenants/${id}/retry`;
  return `${resource} failed with ${lastError.code} (${lastError.retry}): ${lastError.message}; attempt ${attempts}; ${ends}.`;
}

function describeFinding({ resource, state, why, action }: Finding, at: string | null): string {
  const reasons = why.slice(0, 3).join("; ") + (why.length > 3 ? `; and ${why.length - 3} more` : "");
  const look = `The inspection of ${at ?? "now"}`;
  if (state === "unknown") return `${look} could not look at ${resource}: ${reasons}.`;
  const ends = action === "healing" ? "it is being put right" : "it is only reported, never touched";
  return `${look} found ${resource} ${state}: ${reasons}; ${ends}.`;
}
