import { paceOf } from "../../control-plane/fleet/pace.ts";
import type { ResultJson, RunJson } from "../../control-plane/fleet/run-schemas.ts";
import { nameOf } from "../../core/migrations/version.ts";
import { say } from "./command.ts";
import type { Reporter } from "./reporter.ts";

type Wave = RunJson["waves"][number];

const barWidth = 24;
/** A screen's worth: a fleet that fails as one must not bury why. */
const mostFailures = 20;

/** A line for each wave, redrawn in place while it is at work, for people. */
export function terminalReporter(out: NodeJS.WriteStream = process.stdout): Reporter {
  const closed = new Set<number>();
  let failures = 0;
  const draw = (text: string, isLast: boolean) =>
    void out.write(`\r${text.slice(0, (out.columns ?? 80) - 1)}\u001b[K${isLast ? "\n" : ""}`);
  const show = (run: RunJson) => {
    for (const wave of run.waves.filter(({ number }) => !closed.has(number))) {
      if (wave.status === "waiting") return;
      draw(waveLine(run, wave), wave.status === "done");
      if (wave.status !== "done") return;
      closed.add(wave.number);
    }
  };
  return {
    everyMs: 200,
    started: (run) => say(`run ${run.id}: ${aimOf(run)}, ${run.tenants} tenants`),
    progress: show,
    tenantFailed: (run, result) => {
      failures += 1;
      if (failures > mostFailures) return;
      const last = failures === mostFailures ? `\n  more are listed by: npm run migrate -- runs ${run.id}` : "";
      out.write(`\r\u001b[K  ${failureLine(result)}${last}\n`);
      show(run);
    },
    ended(run) {
      show(run);
      if (run.waves.some(({ number, status }) => status !== "waiting" && !closed.has(number))) out.write("\n");
      for (const line of summaryLines(run)) say(line);
    },
  };
}

/** `10 %      ████████░░░░░░░░  453/1000 done, 2 failed, 1 busy  312/s  0:05 left`. */
export function waveLine(run: RunJson, wave: Wave): string {
  const ended = wave.done + wave.failed + wave.skipped;
  const full = wave.tenants === 0 ? barWidth : Math.floor((barWidth * ended) / wave.tenants);
  const counts = [
    `${wave.done}/${wave.tenants} done`,
    ...(["failed", "busy", "skipped"] as const).filter((name) => wave[name] > 0).map((name) => `${wave[name]} ${name}`),
  ].join(", ");
  const bar = "█".repeat(full) + "░".repeat(barWidth - full);
  return `${wave.name.padEnd(8)} ${bar}  ${counts}${tailOf(run, wave)}`;
}

function tailOf(run: RunJson, wave: Wave): string {
  if (wave.status === "done" && wave.startedAt !== null && wave.finishedAt !== null)
    return `  ${clock((Date.parse(wave.finishedAt) - Date.parse(wave.startedAt)) / 1000)}`;
  if (run.status !== "running") return "";
  if (wave.bakeUntil !== null) return `  watched ${clock((Date.parse(wave.bakeUntil) - Date.now()) / 1000)} more`;
  const pace = paceOf(run);
  const left = pace?.secondsLeft === undefined ? "" : `  ${clock(pace.secondsLeft)} left`;
  return pace === undefined ? "" : `  ${pace.perSecond.toFixed(pace.perSecond < 10 ? 1 : 0)}/s${left}`;
}

/** What a run's tenants arrive at, in words. */
export function aimOf({ direction, target }: Pick<RunJson, "direction" | "target">): string {
  if (target === null) return "each undoes its last batch";
  return `${direction === "up" ? "to" : "back to"} ${nameOf(target)}`;
}

export function failureLine({ tenantId, slug, error }: ResultJson): string {
  const place = [error?.migration, error?.statement && `statement ${error.statement}`].filter(Boolean).join(", ");
  const words = error === null ? "failed" : `${error.code} ${error.message}`;
  return `tenant_${tenantId}${slug === null ? "" : ` (${slug})`}: ${place === "" ? "" : `${place}: `}${words}`;
}

/** How a run stands, and what to type next. */
export function summaryLines(run: RunJson): string[] {
  const seconds = (Date.parse(run.finishedAt ?? new Date().toISOString()) - Date.parse(run.createdAt)) / 1000;
  const counts = `${run.done} done, ${run.failed} failed, ${run.skipped} skipped, ${run.waiting} left`;
  const first = `${run.status}: ${counts}, ${clock(seconds)}`;
  const retry = `  try those that failed again: npm run migrate -- resume ${run.id} --retry-failed`;
  if (run.status === "paused")
    return [`${first} (${run.pauseReason ?? ""})`, `  go on: npm run migrate -- resume ${run.id}`, retry];
  return run.failed > 0 || run.status === "aborted" ? [first, retry] : [first];
}

/** `0:05`, `12:30`, `1:02:03`. */
function clock(seconds: number): string {
  const all = Math.max(0, Math.ceil(seconds));
  const [hours, minutes, rest] = [Math.floor(all / 3600), Math.floor(all / 60) % 60, all % 60];
  const end = String(rest).padStart(2, "0");
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, "0")}:${end}` : `${minutes}:${end}`;
}
