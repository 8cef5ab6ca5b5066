/** A migration run in words and numbers that a person reads. */
import { nameOf } from "../../core/migrations/version.ts";
import { paceOf } from "../fleet/pace.ts";
import type { ResultJson, RunCounts, RunJson, RunSummaryJson } from "../fleet/run-schemas.ts";
import type { Locale } from "./locale.ts";

/** Classes of badges, by the status of a run. */
const looks: Readonly<Record<RunSummaryJson["status"], string>> = {
  running: "provisioning",
  paused: "suspended",
  succeeded: "active",
  failed: "failed",
  aborted: "deleted",
};

type Summary = Pick<RunSummaryJson, "direction" | "target" | "status">;

/** `Até 0015_nicknames.sql`, and what the badge shows. */
export function presentSummary(locale: Locale, { direction, target, status }: Summary) {
  const about =
    target === null ? locale.text("runs.lastBatch") : locale.text(`runs.${direction}`, { file: nameOf(target) });
  return { about, look: looks[status], statusText: locale.text(`runs.status.${status}`) };
}

export function presentRunPage(locale: Locale, run: RunJson, requestedBy: string) {
  return {
    ...run,
    ...presentSummary(locale, run),
    requestedBy,
    ...presentCounts(locale, run),
    isEmpty: run.tenants === 0,
    pace: presentPace(locale, run),
    waves: run.waves.map((wave) => ({
      ...wave,
      ...presentCounts(locale, wave),
      title: wave.name === "canary" ? locale.text("runs.wave.canary") : locale.text("runs.wave", { share: wave.name }),
      statusText: locale.text(`runs.wave.${isHalted(run, wave) ? "halted" : wave.status}`),
      isBaking: wave.status === "baking" && !isHalted(run, wave),
    })),
    settings: presentOptions(locale, run),
  };
}

/** Its wave stands where it was. */
const isHalted = (run: RunJson, { status }: { status: string }): boolean =>
  run.status !== "running" && (status === "running" || status === "baking");

/** One failed tenant with what PostgreSQL refused, in which file, and where. */
export function presentFailedTenant(locale: Locale, { tenantId, slug, error, attempts }: ResultJson) {
  return {
    tenantId,
    name: slug ?? `tenant_${tenantId}`,
    isCompany: slug !== null,
    help: locale.find(`runs.error.${error?.code}`),
    error,
    place: [
      error?.migration,
      error?.statement && locale.text("runs.error.statement", { number: error.statement }),
      error?.position && locale.text("runs.error.position", { number: error.position }),
      locale.text("runs.error.attempts", { count: locale.count(attempts) }),
    ]
      .filter(Boolean)
      .join(" · "),
  };
}

/** `119 de 1.000 prontos, 3 com falha`; nothing is said of what is none. */
function presentCounts(locale: Locale, counts: RunCounts) {
  const said = (["failed", "busy", "skipped"] as const).filter((name) => counts[name] > 0);
  const ended = counts.done + counts.failed + counts.skipped;
  return {
    ended,
    most: Math.max(1, counts.tenants),
    counted: [
      locale.text("runs.count.done", { done: locale.count(counts.done), all: locale.count(counts.tenants) }),
      ...said.map((name) => locale.text(`runs.count.${name}`, { count: locale.count(counts[name]) })),
    ].join(", "),
  };
}

function presentPace(locale: Locale, run: RunJson) {
  const pace = paceOf(run);
  if (pace?.secondsLeft === undefined) return undefined;
  const perSecond = pace.perSecond < 10 ? Math.round(pace.perSecond * 10) / 10 : Math.round(pace.perSecond);
  return {
    text: locale.text("runs.pace", { count: locale.count(perSecond) }),
    endsAt: new Date(Date.now() + pace.secondsLeft * 1000).toISOString(),
  };
}

function presentOptions(locale: Locale, { options, mode }: RunSummaryJson) {
  const { waves, concurrency, bakeSeconds, onError, maxErrorRate } = options as Partial<Record<string, unknown>>;
  const percent = locale.count(Math.round(Number(maxErrorRate) * 1000) / 10);
  return [
    ["mode", locale.text(`runs.mode.${mode}`)],
    ["waves", Array.isArray(waves) ? waves.map((share) => `${locale.count(Number(share))} %`).join(", ") : ""],
    ["bake", locale.text("runs.seconds", { count: locale.count(Number(bakeSeconds)) })],
    ["concurrency", locale.count(Number(concurrency))],
    [
      "onError",
      onError === "pause" ? locale.text("runs.onError.pause") : locale.text("runs.onError.rate", { percent }),
    ],
  ].map(([name, value]) => ({ name, title: locale.text(`runs.option.${name}`), value }));
}
