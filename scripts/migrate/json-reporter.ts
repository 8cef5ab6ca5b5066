import { paceOf } from "../../control-plane/fleet/pace.ts";
import type { RunJson } from "../../control-plane/fleet/run-schemas.ts";
import { sayJson } from "./command.ts";
import type { Reporter } from "./reporter.ts";

/** A JSON object on each line, for programs: `started`, `progress` (at most one a second), `tenant-failed`, `ended`. */
export function jsonReporter(): Reporter {
  let last = "";
  return {
    everyMs: 1000,
    started: ({ id, direction, target, tenants }) => sayJson({ event: "started", run: id, direction, target, tenants }),
    progress(run) {
      const line = JSON.stringify(countsOf(run));
      if (line === last) return;
      last = line;
      const pace = paceOf(run);
      sayJson({
        event: "progress",
        run: run.id,
        ...countsOf(run),
        tenantsPerSecond: pace && round(pace.perSecond),
        secondsLeft: pace?.secondsLeft === undefined ? undefined : Math.ceil(pace.secondsLeft),
      });
    },
    tenantFailed: (run, { tenantId, slug, wave, attempts, error }) =>
      sayJson({ event: "tenant-failed", run: run.id, tenantId, slug, wave, attempts, error }),
    ended(run) {
      const { tenants, done, failed, skipped, waiting, pauseReason } = run;
      const seconds = round(
        (Date.parse(run.finishedAt ?? new Date().toISOString()) - Date.parse(run.createdAt)) / 1000,
      );
      sayJson({
        event: "ended",
        run: run.id,
        status: run.status,
        pauseReason,
        tenants,
        done,
        failed,
        skipped,
        waiting,
        seconds,
      });
    },
  };
}

function countsOf({ status, waves, wave: number, tenants, done, failed, skipped, waiting, busy }: RunJson) {
  const wave = waves.find((row) => row.number === number);
  return { status, wave: wave?.name, waveStatus: wave?.status, tenants, done, failed, skipped, waiting, busy };
}

const round = (value: number): number => Math.round(value * 10) / 10;
