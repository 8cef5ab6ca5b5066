/** Requests of random tenants to the application of each release; both live on one server all the time. */
import { mkdtemp, rm } from "node:fs/promises";
import { get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { Shutdown } from "../../core/shutdown.ts";
import { startAppFrom, type App } from "../request/app-process.ts";
import { processorUs } from "../request/backends.ts";
import { baseDomain, customerId, hostOf, say, withFleet, type Fleet } from "../request/fleet.ts";
import { prepareWrk, type Load, type Measured } from "../request/wrk.ts";
import { quantile, type BenchResult } from "../report.ts";
import { withShutdown } from "../with-shutdown.ts";
import type { AgainstOptions } from "./options.ts";
import { compareRounds, mean, onBoth, sides, sum, takeTurns, type Side, type Sides } from "./sides.ts";
import { compileProgram, copyTrees, provideProgram, type Tree } from "./trees.ts";

/** Clients that ask without a pause. */
const connections = 32;
const sliceSeconds = 1;
/** Of four slices each, in a round. */
const blocks = 6;
/** Rounds before those that count: the compiler works, and the connections meet the tenants. */
const warmUpRounds = 2;

const program = {
  path: "bench/request/apps.ts",
  names: ["BENCH_VARIANT", "BENCH_DATABASE_URL", "BENCH_REDIS_URL", "BENCH_MASTER_KEY"],
  imports: ["bench/request/fleet.ts"],
};

interface Slice extends Measured {
  /** Processor time of the application's process; NaN where the system does not tell. */
  readonly cpuUsPerRequest: number;
}

export function requestAgainst({ checkout, rounds, tenants = 1_000, keep }: AgainstOptions): Promise<BenchResult> {
  return withShutdown(async (shutdown) => {
    const trees = await copyTrees(checkout, shutdown);
    const entries = { old: await compile(trees.old), new: await compile(trees.new) };
    const folder = await mkdtemp(join(tmpdir(), "secretaria-load-"));
    shutdown.add("load", () => rm(folder, { recursive: true, force: true }));
    const load = await prepareWrk(folder, `api.emp%d.${baseDomain}`);
    return withFleet({ tenants, keptIn: keep }, (fleet) =>
      withShutdown(async (ending) => {
        const apps = await startBoth(fleet, entries, ending);
        return measure(apps, { rounds, load: (app) => load(loadOf(app, tenants)) });
      }),
    );
  });
}

async function compile(tree: Tree): Promise<string> {
  await provideProgram(tree, program);
  return compileProgram(tree, program.path);
}

const loadOf = (app: App, tenants: number): Load => ({
  url: `${app.url}/customers/${customerId}`,
  tenants,
  connections,
  seconds: sliceSeconds,
});

async function startBoth(fleet: Fleet, entries: Sides<string>, shutdown: Shutdown): Promise<Sides<App>> {
  const apps: Partial<Record<Side, App>> = {};
  for (const side of sides) {
    const app = await startAppFrom(entries[side], fleet, { variant: "tenancy", name: side }).catch((cause: Error) => {
      const what = side === "old" ? " on a database that this tree has set up" : "";
      throw new Error(`the ${side} tree's application does not start${what}: ${cause.message}`, { cause });
    });
    shutdown.add(side, () => app.stop());
    await proveServing(side, app);
    apps[side] = app;
  }
  return apps as Sides<App>;
}

/** An application that answers something else would be fast for no reason. */
async function proveServing(side: Side, app: App): Promise<void> {
  const answer = await new Promise<string>((resolve, reject) => {
    get(`${app.url}/customers/${customerId}`, { headers: { Host: hostOf(1) } }, (res) => {
      text(res).then(resolve, reject);
    }).once("error", reject);
  });
  if (!answer.includes(`"id":"${customerId}"`))
    throw new Error(`the ${side} tree's application does not find the row of tenant 1: ${answer.slice(0, 300)}`);
}

async function measure(
  apps: Sides<App>,
  { rounds, load }: { readonly rounds: number; readonly load: (app: App) => Promise<Measured> },
): Promise<BenchResult> {
  const slice = (side: Side) => withCpu(apps[side], () => load(apps[side]));
  await takeTurns({ rounds: warmUpRounds, blocks }, slice);
  say("both are warm");
  const seen = await takeTurns({ rounds, blocks }, slice, (round, slices) => {
    const speed = onBoth(slices, perSecond);
    const ratio = (speed.new / speed.old).toFixed(3);
    say(`round ${round}: old ${speed.old.toFixed(0)}, new ${speed.new.toFixed(0)} requests per second (${ratio})`);
  });
  warnOfFailures(seen);
  return present(seen);
}

async function withCpu({ pid }: App, work: () => Promise<Measured>): Promise<Slice> {
  const before = (await processorUs(pid)) ?? Number.NaN;
  const measured = await work();
  const spent = ((await processorUs(pid)) ?? Number.NaN) - before;
  return { ...measured, cpuUsPerRequest: spent / measured.requests };
}

const perSecond = (slices: readonly Slice[]): number => mean(slices.map((slice) => slice.perSecond));

/** Refusals may be fast, and time-outs are slow: with many of them the ratio says nothing. */
function warnOfFailures(seen: readonly Sides<Slice[]>[]): void {
  for (const side of sides) {
    const slices = seen.flatMap((round) => round[side]);
    const failed = sum(slices.map((slice) => slice.failed));
    if (failed > 0) say(`${side}: ${failed} of ${sum(slices.map(({ requests }) => requests))} requests failed`);
  }
}

function present(seen: readonly Sides<Slice[]>[]): BenchResult {
  const { ratios, figures } = compareRounds(seen.map((round) => onBoth(round, perSecond)));
  const all = { old: seen.flatMap((round) => round.old), new: seen.flatMap((round) => round.new) };
  const middle = (side: Side, part: keyof Slice) =>
    quantile(
      all[side].map((slice) => slice[part]),
      0.5,
    );
  const optional = { oldCpuUs: middle("old", "cpuUsPerRequest"), newCpuUs: middle("new", "cpuUsPerRequest") };
  return {
    bench: "request",
    ratios,
    figures: {
      ...figures,
      oldPerSecond: middle("old", "perSecond"),
      newPerSecond: middle("new", "perSecond"),
      oldP99Ms: middle("old", "p99Ms"),
      newP99Ms: middle("new", "p99Ms"),
      ...Object.fromEntries(Object.entries(optional).filter(([, value]) => !Number.isNaN(value))),
      failed: sum([...all.old, ...all.new].map(({ failed }) => failed)),
    },
  };
}
