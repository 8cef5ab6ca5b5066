import { nameOf } from "../../core/migrations/version.ts";
import type { RunPlan } from "../fleet/plan-run.ts";
import type { Locale } from "./locale.ts";

/** What a run would do, in words. */
export function presentPlan(locale: Locale, plan: RunPlan) {
  const count = (value: number) => locale.count(value);
  return {
    isEmpty: plan.tenants === 0,
    tenants: count(plan.tenants),
    newer: plan.newer > 0 ? locale.text("runs.plan.newer", { count: count(plan.newer) }) : undefined,
    target: plan.target === null ? undefined : nameOf(plan.target),
    files: plan.files,
    from: plan.from.map(({ version, tenants }) => ({ file: nameOf(version), count: count(tenants) })),
    waves: plan.waves.map(({ name, tenants }) => ({
      title: name === "canary" ? locale.text("runs.wave.canary") : locale.text("runs.wave", { share: name }),
      count: count(tenants),
    })),
    start: locale.text("runs.plan.start", { count: count(plan.tenants) }),
  };
}
