/** The four steps that a person follows, made of the seven resources that a company owns. */
import type { ResourceName } from "../lifecycle/resource.ts";
import type { TenantView } from "../tenants/tenant-schemas.ts";
import type { Locale } from "./locale.ts";

type Resources = TenantView["resources"];
type StepState = Resources[number]["status"];

const steps: readonly { readonly name: string; readonly of: readonly ResourceName[] }[] = [
  { name: "database", of: ["database", "owner"] },
  { name: "cache", of: ["cache", "queue"] },
  { name: "domains", of: ["dns", "certificate"] },
  { name: "worker", of: ["worker"] },
];

/** Steps with their state in words, what failed in them and when it is tried again. Without rows all are waiting. */
export function presentSteps(locale: Locale, resources: Resources) {
  return steps.map(({ name, of }) => {
    const own = resources.filter((resource) => (of as readonly string[]).includes(resource.name));
    const state = stateOf(own.map(({ status }) => status));
    return {
      name,
      title: locale.text(`step.${name}`),
      about: locale.text(`step.${name}.about`),
      state,
      stateText: locale.text(`state.${state}`),
      failures: own.filter(({ status }) => status === "failed").map((resource) => presentFailure(locale, resource)),
    };
  });
}

/** `3 de 4 etapas prontas`, read out whenever it changes. */
export function summarizeSteps(locale: Locale, resources: Resources): string {
  const shown = presentSteps(locale, resources);
  const done = shown.filter(({ state }) => state === "ready").length;
  const failed = shown.filter(({ state }) => state === "failed").map(({ title }) => title);
  const progress = locale.text("steps.progress", { done, all: shown.length });
  return failed.length === 0 ? progress : `${progress} ${locale.text("steps.failed", { names: failed.join(", ") })}`;
}

function stateOf(states: readonly StepState[]): StepState {
  const [first = "pending"] = states;
  if (states.includes("failed")) return "failed";
  if (states.every((state) => state === first)) return first;
  return states.includes("working") || states.includes("ready") ? "working" : "pending";
}

function presentFailure(locale: Locale, { name, lastError, nextAttemptAt }: Resources[number]) {
  const code = lastError?.code ?? "unexpected";
  return {
    resource: locale.text(`resource.${name}`),
    message: locale.find(`failure.${code}`) ?? lastError?.message ?? "",
    nextAttemptAt,
  };
}
