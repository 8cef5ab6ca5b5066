/** `runs`, `resume`, `pause`, `abort`: what was begun. */
import { abortRun, pauseRun, resumeRun, retryFailed } from "../../control-plane/fleet/change-run.ts";
import type { FleetContext } from "../../control-plane/fleet/fleet-context.ts";
import { getRun, getRunView } from "../../control-plane/fleet/get-run.ts";
import { presentResult, presentRun, presentRunSummary } from "../../control-plane/fleet/present-run.ts";
import { findOpenRun, listResults, listRuns } from "../../control-plane/fleet/run-store.ts";
import { slugsOf } from "../../control-plane/fleet/slugs-of.ts";
import { uuidPattern } from "../../core/validation.ts";
import { commandActor } from "../tenant/command.ts";
import {
  exitCodes,
  refuseMore,
  requireRegistry,
  say,
  sayJson,
  UsageError,
  withFleet,
  type Command,
} from "./command.ts";
import { followRun } from "./follow-run.ts";
import { readWords } from "./start-run.ts";
import { aimOf, failureLine, summaryLines, waveLine } from "./terminal-reporter.ts";

const flag = { type: "boolean", default: false } as const;
const failuresShown = 200;

export const runsCommand: Command = {
  usage: "runs [<run>] [--json]",
  about: "the newest runs; of one, its waves and who failed",
  read(args) {
    const { values, positionals } = readWords(args, { json: flag });
    refuseMore(positionals, 1);
    const id = positionals[0] === undefined ? undefined : readId(positionals[0]);
    return () => withRegistry((ctx) => (id === undefined ? showRuns(ctx, values.json) : showRun(ctx, id, values.json)));
  },
};

export const resumeCommand: Command = {
  usage: "resume [<run>] [--retry-failed]",
  about: "go on with a run that is paused or was handed over (absent: the open one), and follow it",
  details:
    "\n  --retry-failed  try what failed again first; also of a run that has ended\n  --json          JSON lines",
  read(args) {
    const { values, positionals } = readWords(args, { json: flag, "retry-failed": flag });
    const reference = readReference(positionals);
    return () =>
      withRegistry(async (ctx) => {
        const { id, status } = await getRun(ctx.db, await idOf(ctx, reference));
        if (values["retry-failed"]) await retryFailed(ctx, id, commandActor());
        else if (status !== "running") await resumeRun(ctx, id, commandActor());
        return followRun(ctx, id, { json: values.json });
      });
  },
};

export const pauseCommand = changeCommand({
  verb: "pause",
  about: "begin no more tenants; those begun are finished (absent: the open run)",
  change: pauseRun,
});

export const abortCommand = changeCommand({
  verb: "abort",
  about: "end a run where it is; nothing is undone",
  change: abortRun,
});

function changeCommand({ verb, about, change }: { verb: string; about: string; change: typeof pauseRun }): Command {
  return {
    usage: `${verb} [<run>]`,
    about,
    read(args) {
      const { positionals } = readWords(args, {});
      const reference = readReference(positionals);
      return () =>
        withRegistry(async (ctx) => {
          const { id, status } = await change(ctx, await idOf(ctx, reference), commandActor());
          say(`run ${id} is ${status}`);
          return exitCodes.done;
        });
    },
  };
}

const withRegistry = (work: (ctx: FleetContext) => Promise<number>): Promise<number> =>
  withFleet(async (ctx) => {
    await requireRegistry(ctx);
    return work(ctx);
  });

function readReference(positionals: readonly string[]): string | undefined {
  refuseMore(positionals, 1);
  return positionals[0] === undefined ? undefined : readId(positionals[0]);
}

function readId(word: string): string {
  if (uuidPattern.test(word)) return word.toLowerCase();
  throw new UsageError(`'${word}' is no run's id; see npm run migrate -- runs`);
}

/** @throws Error when none was named and none is open. */
async function idOf(ctx: FleetContext, id: string | undefined): Promise<string> {
  const found = id ?? (await findOpenRun(ctx.db))?.id;
  if (found === undefined) throw new Error("no run is open; name one of npm run migrate -- runs");
  return found;
}

async function showRuns(ctx: FleetContext, json: boolean): Promise<number> {
  const runs = (await listRuns(ctx.db, 20)).map(presentRunSummary);
  if (json) sayJson(runs);
  else if (runs.length === 0) say("no run yet");
  else
    for (const run of runs)
      say(`${run.id}  ${run.status.padEnd(9)}  ${run.createdAt}  ${aimOf(run)}, by ${run.requestedBy}`);
  return exitCodes.done;
}

async function showRun(ctx: FleetContext, id: string, json: boolean): Promise<number> {
  const run = presentRun(await getRunView(ctx.db, id));
  const rows = await listResults(ctx.db, id, { status: "failed", limit: failuresShown });
  const slugs = await slugsOf(
    ctx.db,
    rows.map((row) => row.tenant_id),
  );
  const failures = rows.map((row) => presentResult(row, slugs));
  if (json) sayJson({ ...run, failures });
  else {
    say(`run ${id}: ${aimOf(run)}, by ${run.requestedBy}, ${run.createdAt}`);
    for (const wave of run.waves) say(`  ${waveLine(run, wave)}`);
    for (const failure of failures) say(`  ${failureLine(failure)}`);
    if (run.failed > failures.length) say(`  … and ${run.failed - failures.length} more that failed`);
    for (const line of summaryLines(run)) say(line);
  }
  return exitCodes.done;
}
