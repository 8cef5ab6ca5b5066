/** What the last look at everything that a company owns found, in words. */
import type { Explanation } from "../tenants/explanation/schema.ts";
import type { Locale } from "./locale.ts";

type Inspection = NonNullable<Explanation["inspection"]>;
type Finding = Inspection["findings"][number];
type State = "checking" | "never" | NonNullable<Inspection["result"]>;

/** Classes of the badge. */
const tones: Readonly<Record<State, string>> = {
  checking: "provisioning",
  never: "",
  ok: "active",
  drifted: "degraded",
  unknown: "",
};

/** @param inspection null before the company got its turn. */
export function presentInspection(locale: Locale, { inspection, operation }: Explanation, now = Date.now()) {
  const isDue = inspection !== null && Date.parse(inspection.nextAt) <= now;
  const isAsked = operation?.kind === "reconcile" && operation.status === "running";
  const state: State = isAsked && isDue ? "checking" : (inspection?.result ?? "never");
  return {
    state,
    tone: tones[state],
    text: locale.text(`inspection.${state}`),
    about: locale.text(`inspection.${state}.about`),
    inspectedAt: inspection?.inspectedAt,
    nextAt: isDue ? undefined : inspection?.nextAt,
    isDue,
    findings: (inspection?.findings ?? []).map((finding) => presentFinding(locale, finding)),
  };
}

/** When the page may have something new to say, though nothing runs: something is healed by then, or can be looked at again. */
export function nextNews({ inspection }: Explanation): string | undefined {
  const isOpen = inspection?.findings.some(({ state, action }) => action === "healing" || state === "unknown");
  return isOpen ? inspection?.nextAt : undefined;
}

/** The most particular words that there are; `lines` are the inspection's own. */
function presentFinding(locale: Locale, { resource, state, why, action }: Finding) {
  const about = locale.find(`finding.${resource}.${state}`) ?? locale.text(`finding.${state}`);
  const follows = locale.find(`finding.${resource}.${state}.${action}`) ?? locale.text(`finding.${action}`);
  const lines = why.map((text) => ({ text, sign: signs[text.slice(0, 2)] ?? "" }));
  return {
    resource,
    state,
    title: locale.text(`resource.${resource}`),
    about,
    follows: state === "unknown" ? undefined : follows,
    lines,
    details: locale.text("finding.details", { count: lines.length }),
    isDiff: lines.some(({ sign }) => sign !== ""),
  };
}

const signs: Readonly<Record<string, string>> = { "+ ": "extra", "- ": "lacking" };
