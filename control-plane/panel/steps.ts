/** The steps that a person follows, in words. */
import type { DesiredState } from "../../core/tenant.ts";
import type { Locale } from "./locale.ts";
import { presentFailure } from "./present-failure.ts";
import { blockingSteps, isDone, modeOf, ownOf, stepsOf, type Resources, type StepMode } from "./step-plan.ts";

type StepState = Resources[number]["status"];

/** Steps with their state in words, what they wait for, what failed and when it is tried again. Without rows all wait. */
export function presentSteps(locale: Locale, resources: Resources, desired: DesiredState = "active") {
  const mode = modeOf(desired);
  return stepsOf(desired, resources).map((step) => {
    const own = ownOf(step, resources);
    const state = stateOf(own.map((resource) => stateIn(mode, resource)));
    const before = state === "pending" ? blockingSteps(step, resources, desired) : [];
    return {
      name: step.name,
      title: locale.text(`step.${step.name}`),
      about: locale.text(`step.${step.name}.about`),
      state,
      stateText: wordFor(locale, mode, step.name, state),
      isRemoval: mode === "removing",
      waitsFor: before.map(({ name }) => locale.text(`step.${name}`)).join(", "),
      failures: own
        .filter(({ status }) => status === "failed")
        .map(({ name, lastError: error, nextAttemptAt }) =>
          Object.assign(presentFailure(locale, { name, error }), { nextAttemptAt }),
        ),
    };
  });
}

/** `3 de 4 etapas prontas`, read out whenever it changes. */
export function summarizeSteps(locale: Locale, resources: Resources, desired: DesiredState): string {
  const shown = presentSteps(locale, resources, desired);
  const done = stepsOf(desired, resources).filter((step) =>
    ownOf(step, resources).every((resource) => isDone(desired, resource)),
  ).length;
  const failed = shown.filter(({ state }) => state === "failed").map(({ title }) => title);
  const progress = locale.text(`steps.progress.${modeOf(desired)}`, { done, all: shown.length });
  return failed.length === 0 ? progress : `${progress} ${locale.text("steps.failed", { names: failed.join(", ") })}`;
}

/** Trying again at once could help. */
export const canRetry = (resources: Resources, desired: DesiredState): boolean =>
  resources.some((resource) => resource.status === "failed" && !isDone(desired, resource));

/** What is there still waits for its removal. */
function stateIn(mode: StepMode, { name, status }: Resources[number]): StepState {
  return mode === "removing" && status === "ready" && name !== "archive" ? "pending" : status;
}

function stateOf(states: readonly StepState[]): StepState {
  const [first = "pending"] = states;
  if (states.includes("failed")) return "failed";
  if (states.every((state) => state === first)) return first;
  return states.some((state) => state !== "pending") ? "working" : "pending";
}

/** The most particular word that there is. */
function wordFor(locale: Locale, mode: StepMode, step: string, state: StepState): string {
  return (
    locale.find(`state.${mode}.${step}.${state}`) ??
    locale.find(`state.${mode}.${state}`) ??
    locale.text(`state.${state}`)
  );
}
