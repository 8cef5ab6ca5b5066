/**
 * One request of a random tenant against the same application without tenants, with schema-qualified names, and with
 * the usual BEGIN, SET LOCAL, SELECT, COMMIT: all live on one server, slices of load taking turns.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BenchResult } from "../report.ts";
import { measureMemory, measurePooled } from "./apart.ts";
import { compileApps, startApp, type App } from "./app-process.ts";
import type { Variant } from "./apps.ts";
import { backendMemoryMb, dropBackends } from "./backends.ts";
import { withCpu } from "./cpu.ts";
import { measureFlood } from "./flood.ts";
import { baseDomain, customerId, say, withFleet, type Fleet } from "./fleet.ts";
import { cpuFigures, failures, p99, perSecond, ratio, turns, type Slice } from "./rounds.ts";
import { prepareWrk, type Load, type Measured } from "./wrk.ts";

/** Clients that ask without a pause. */
const connections = 32;
const sliceSeconds = 3;

/**
 * @param count rounds; each is one slice of every application. @param tenants schemas on the server; beyond 1,000, all of
 * them are measured apart. @param keep a folder in which the fleet stays.
 */
export async function requestBench({
  count: rounds = 5,
  tenants = 1_000,
  keep,
}: {
  count: number | undefined;
  tenants: number | undefined;
  keep: string | undefined;
}): Promise<BenchResult> {
  await compileApps();
  const folder = await mkdtemp(join(tmpdir(), "secretaria-load-"));
  const load = await prepareWrk(folder, `api.emp%d.${baseDomain}`);
  try {
    return await withFleet({ tenants, keptIn: keep }, (fleet) => {
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

async function measureAll(fleet: Fleet, measuring: Measuring): Promise<BenchResult> {
  const { load, slice, rounds } = measuring;
  const tenants = Math.min(1_000, fleet.tenants);
  const names: Variant[] = ["plain", "tenancy", "qualified", "usual"];
  const apps = await Promise.all(names.map((variant) => startApp(fleet, variant)));
  const [plain, tenancy] = apps as [App, App, App, App];
  // The first seconds are the compiler's.
  await turns(2, apps, (app) => slice(app, 10));
  const few = await turns(rounds, apps, (app) => slice(app, 10));
  say("10 tenants measured");
  await turns(2, apps, (app) => slice(app, tenants));
  const many = await turns(rounds, apps, (app) => slice(app, tenants));
  say(`${tenants} tenants measured, warm`);
  const backendMb = await backendMemoryMb(fleet.owner, "bench tenancy");
  const cold = await turns(rounds, apps, async (app) => {
    await dropBackends(fleet.owner, app.variant);
    return slice(app, tenants);
  });
  say("cold measured");
  const flood = await measureFlood(fleet, tenancy, rounds, load);
  say("flood measured");
  const all = fleet.tenants > tenants ? await measureFleet(fleet, [plain, tenancy], measuring) : nothing;
  await Promise.all(apps.map((app) => app.stop()));
  const pooled = await measurePooled(fleet, rounds, { slice, tenants });
  const memory = await measureMemory(fleet, { slice, tenants });
  say("PgBouncer and memory measured");
  return {
    bench: "request",
    ratios: {
      tenants10: ratio(few, tenancy, plain),
      [`tenants${tenants}`]: ratio(many, tenancy, plain),
      [`cold${tenants}`]: ratio(cold, tenancy, plain),
      ...all.ratios,
      [`pgbouncer${tenants}`]: pooled.ratio,
      [`p99At${tenants}`]: p99(many, tenancy) / p99(many, plain),
      floodP95: flood.ratio,
      memoryAt1000: memory.ratio,
      ...Object.fromEntries(
        apps.slice(2).flatMap((app) => [
          [`${app.variant}${tenants}`, ratio(many, app, plain)],
          [`${app.variant}Cold${tenants}`, ratio(cold, app, plain)],
        ]),
      ),
    },
    figures: {
      plainPerSecond: perSecond(many, plain),
      tenancyPerSecond: perSecond(many, tenancy),
      plainP99Ms: p99(many, plain),
      tenancyP99Ms: p99(many, tenancy),
      ...cpuFigures("10", few, { plain, tenancy }),
      ...cpuFigures(String(tenants), many, { plain, tenancy }),
      [`backendMb${tenants}`]: backendMb,
      ...all.figures,
      pgbouncerPlainPerSecond: pooled.plainPerSecond,
      quietP95Ms: flood.quietP95Ms,
      floodPerSecond: flood.floodPerSecond,
      nodeMb10: memory.few,
      nodeMb1000: memory.many,
      failed: failures(few, many, cold) + all.failed + pooled.failed,
    },
  };
}

const nothing = { ratios: {}, figures: {}, failed: 0 };

/** All tenants of a large fleet, as warm as a connection's budget of memory lets them be. */
async function measureFleet(fleet: Fleet, apps: [App, App], { slice, rounds }: Measuring) {
  const { tenants } = fleet;
  const [plain, tenancy] = apps;
  await turns(4, apps, (app) => slice(app, tenants));
  const seen = await turns(rounds, apps, (app) => slice(app, tenants));
  say(`${tenants} tenants measured`);
  return {
    ratios: { [`tenants${tenants}`]: ratio(seen, tenancy, plain) },
    figures: {
      ...cpuFigures(String(tenants), seen, { plain, tenancy }),
      [`backendMb${tenants}`]: await backendMemoryMb(fleet.owner, "bench tenancy"),
    },
    failed: failures(seen),
  };
}
