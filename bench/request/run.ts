/**
 * One request of a random tenant against the same application without tenants, with schema-qualified names, and with
 * the usual BEGIN, SET LOCAL, SELECT, COMMIT: all live on one server, slices of load taking turns.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runtimeRole } from "../../core/migrations/tenant-schema.ts";
import { servicePassword } from "../../core/service-roles.ts";
import { startPooler } from "../../test/support/pgbouncer.ts";
import type { BenchResult } from "../report.ts";
import { compileApps, startApp, type App } from "./app-process.ts";
import type { Variant } from "./apps.ts";
import { backendMemoryMb, dropBackends } from "./backends.ts";
import { withCpu, type Cpu } from "./cpu.ts";
import { measureFlood } from "./flood.ts";
import { baseDomain, customerId, say, withFleet, type Fleet } from "./fleet.ts";
import { prepareWrk, type Load, type Measured } from "./wrk.ts";

/** Clients that ask without a pause. */
const connections = 32;
const sliceSeconds = 3;

type Seen = ReadonlyMap<App, readonly (Measured & Cpu)[]>;
type Slice = (app: App, tenants: number) => Promise<Measured & Cpu>;

/** @param count rounds; each is one slice of every application. @param tenants schemas on the server. */
export async function requestBench({
  count: rounds = 5,
  tenants = 1_000,
}: {
  count: number | undefined;
  tenants: number | undefined;
}): Promise<BenchResult> {
  await compileApps();
  const folder = await mkdtemp(join(tmpdir(), "secretaria-load-"));
  const load = await prepareWrk(folder, `api.emp%d.${baseDomain}`);
  try {
    return await withFleet({ tenants, keptIn: undefined }, (fleet) => {
      const slice: Slice = (app, drawn) => withCpu(fleet, app, () => load(loadOf(app, drawn)));
      return measureAll(fleet, { load, slice, rounds });
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const loadOf = (app: App, tenants: number): Load => ({
  url: `${app.url}/customers/${customerId}`,
  tenants,
  connections,
  seconds: sliceSeconds,
});

interface Measuring {
  readonly load: (what: Load) => Promise<Measured>;
  readonly slice: Slice;
  readonly rounds: number;
}

async function measureAll(fleet: Fleet, { load, slice, rounds }: Measuring): Promise<BenchResult> {
  const { tenants } = fleet;
  const names: Variant[] = ["plain", "tenancy", "qualified", "usual"];
  const apps = await Promise.all(names.map((variant) => startApp(fleet, variant)));
  const [plain, tenancy] = apps as [App, App, App, App];
  // The first seconds are the compiler's.
  await turns(2, apps, (app) => slice(app, 10));
  const few = await turns(rounds, apps, (app) => slice(app, 10));
  say("10 tenants measured");
  for (const app of apps) await slice(app, tenants);
  const many = await turns(rounds, apps, (app) => slice(app, tenants));
  say(`${tenants} tenants measured, warm`);
  const backends = await backendMemoryMb(fleet.owner, "bench tenancy");
  const cold = await turns(rounds, apps, async (app) => {
    await dropBackends(fleet.owner, app.variant);
    return slice(app, tenants);
  });
  say("cold measured");
  const flood = await measureFlood(fleet, tenancy, rounds, load);
  say("flood measured");
  await Promise.all(apps.map((app) => app.stop()));
  const pooled = await measurePooled(fleet, slice, rounds);
  const memory = await measureMemory(fleet, slice);
  say("PgBouncer and memory measured");
  const suffix = String(tenants);
  const p99 = (seen: Seen, app: App) => median(seen.get(app)!.map(({ p99Ms }) => p99Ms));
  return {
    bench: "request",
    ratios: {
      tenants10: ratio(few, tenancy, plain),
      [`tenants${suffix}`]: ratio(many, tenancy, plain),
      [`cold${suffix}`]: ratio(cold, tenancy, plain),
      [`pgbouncer${suffix}`]: pooled.ratio,
      [`p99At${suffix}`]: p99(many, tenancy) / p99(many, plain),
      floodP95: flood.ratio,
      memoryAt1000: memory.ratio,
      ...Object.fromEntries(
        apps.slice(2).flatMap((app) => [
          [`${app.variant}${suffix}`, ratio(many, app, plain)],
          [`${app.variant}Cold${suffix}`, ratio(cold, app, plain)],
        ]),
      ),
    },
    figures: {
      plainPerSecond: perSecond(many, plain),
      tenancyPerSecond: perSecond(many, tenancy),
      plainP99Ms: p99(many, plain),
      tenancyP99Ms: p99(many, tenancy),
      ...cpuFigures("10", few, { plain, tenancy }),
      ...cpuFigures(suffix, many, { plain, tenancy }),
      [`backendMb${suffix}`]: backends,
      pgbouncerPlainPerSecond: pooled.plainPerSecond,
      quietP95Ms: flood.quietP95Ms,
      floodPerSecond: flood.floodPerSecond,
      nodeMb10: memory.few,
      nodeMb1000: memory.many,
      failed: [...few.values(), ...many.values(), ...cold.values()].flat().reduce((sum, { failed }) => sum + failed, 0),
    },
  };
}

/** Both through one PgBouncer in transaction mode, with as many server connections as an application's pool has. */
async function measurePooled(fleet: Fleet, slice: Slice, rounds: number) {
  const pooler = await startPooler(fleet.servers.databaseUrl, {
    user: runtimeRole,
    password: servicePassword(fleet.secrets, runtimeRole),
    connections: 10,
  });
  const apps = await Promise.all([startApp(fleet, "plain", pooler.url), startApp(fleet, "tenancy", pooler.url)]);
  try {
    for (const app of apps) await slice(app, fleet.tenants);
    const seen = await turns(rounds, apps, (app) => slice(app, fleet.tenants));
    return { ratio: ratio(seen, apps[1], apps[0]), plainPerSecond: perSecond(seen, apps[0]) };
  } finally {
    await Promise.all(apps.map((app) => app.stop()));
    await pooler.stop();
  }
}

/** Of the process, after as many requests of 10 companies and of 1,000, of 10,000 that the registry knows. */
async function measureMemory(fleet: Fleet, slice: Slice) {
  const sizes: number[] = [];
  for (const active of [10, Math.min(1_000, fleet.tenants)]) {
    const app = await startApp(fleet, "tenancy");
    for (let i = 0; i < 3; i += 1) await slice(app, active);
    const answer = await fetch(`${app.url}/memory`);
    sizes.push(((await answer.json()) as { rssMb: number }).rssMb);
    await app.stop();
  }
  const [few = Number.NaN, many = Number.NaN] = sizes;
  return { few, many, ratio: many / few };
}

/** Each round starts with another one, so that none is always the first after a pause. */
async function turns(rounds: number, apps: readonly App[], work: (app: App) => ReturnType<Slice>): Promise<Seen> {
  const seen = new Map(apps.map((app) => [app, [] as (Measured & Cpu)[]]));
  for (let round = 0; round < rounds; round += 1)
    for (let i = 0; i < apps.length; i += 1) {
      const app = apps[(i + round) % apps.length] as App;
      seen.get(app)!.push(await work(app));
    }
  return seen;
}

/** µs a request; the last part of the name is the number of tenants. */
function cpuFigures(suffix: string, seen: Seen, apps: Readonly<Record<string, App>>): Record<string, number> {
  const middle = (app: App, part: keyof Cpu) => median(seen.get(app)!.map((one) => one[part]));
  const figures = Object.entries(apps).flatMap(([name, app]) => [
    [`${name}CpuUserUs${suffix}`, middle(app, "user")],
    [`${name}CpuSystemUs${suffix}`, middle(app, "system")],
    [`${name}CpuServerUs${suffix}`, middle(app, "server")],
  ]);
  return Object.fromEntries(figures) as Record<string, number>;
}

const perSecond = (seen: Seen, app: App): number => median(seen.get(app)!.map((one) => one.perSecond));
/** Median of the rounds' ratios: the two slices of a round met the same noise. */
const ratio = (seen: Seen, app: App, floor: App): number =>
  median(seen.get(app)!.map((one, round) => one.perSecond / (seen.get(floor)![round]?.perSecond ?? Number.NaN)));

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return (
    ((sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN) +
      (sorted[Math.ceil((sorted.length - 1) / 2)] ?? Number.NaN)) /
    2
  );
}
