/** Slices of load that take turns, and what is made of them. */
import { throwIfInterrupted } from "../interruption.ts";
import { quantile } from "../report.ts";
import type { App } from "./app-process.ts";
import type { Cpu } from "./cpu.ts";
import type { Measured } from "./wrk.ts";

export type Slice = (app: App, tenants: number) => Promise<Measured & Cpu>;
export type Seen = ReadonlyMap<App, readonly (Measured & Cpu)[]>;

/** Each round starts with another one, so that none is always the first after a pause. */
export async function turns(
  rounds: number,
  apps: readonly App[],
  work: (app: App) => Promise<Measured & Cpu>,
): Promise<Seen> {
  const seen = new Map(apps.map((app) => [app, [] as (Measured & Cpu)[]]));
  for (let round = 0; round < rounds; round += 1)
    for (let i = 0; i < apps.length; i += 1) {
      throwIfInterrupted();
      const app = apps[(i + round) % apps.length] as App;
      seen.get(app)!.push(await work(app));
    }
  return seen;
}

/** Median of the rounds' ratios of requests per second: the two slices of a round met the same noise. */
export const ratio = (seen: Seen, app: App, floor: App): number =>
  quantile(
    seen.get(app)!.map((one, round) => one.perSecond / (seen.get(floor)![round]?.perSecond ?? Number.NaN)),
    0.5,
  );

export const perSecond = (seen: Seen, app: App): number => middle(seen, app, "perSecond");
export const p99 = (seen: Seen, app: App): number => middle(seen, app, "p99Ms");

export const failures = (...all: readonly Seen[]): number =>
  all.flatMap((seen) => [...seen.values()].flat()).reduce((sum, { failed }) => sum + failed, 0);

/** µs a request; the last part of the name is the number of tenants. */
export function cpuFigures(suffix: string, seen: Seen, apps: Readonly<Record<string, App>>): Record<string, number> {
  const figures = Object.entries(apps).flatMap(([name, app]) => [
    [`${name}CpuUserUs${suffix}`, middle(seen, app, "user")],
    [`${name}CpuSystemUs${suffix}`, middle(seen, app, "system")],
    [`${name}CpuServerUs${suffix}`, middle(seen, app, "server")],
  ]);
  return Object.fromEntries(figures) as Record<string, number>;
}

const middle = (seen: Seen, app: App, part: keyof (Measured & Cpu)): number =>
  quantile(
    seen.get(app)!.map((one) => one[part]),
    0.5,
  );
