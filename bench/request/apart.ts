/** What is measured with applications of its own: behind PgBouncer, and the memory of a process. */
import { runtimeRole } from "../../core/migrations/tenant-schema.ts";
import { servicePassword } from "../../core/service-roles.ts";
import { startPooler } from "../../test/support/pgbouncer.ts";
import { startApp } from "./app-process.ts";
import type { Fleet } from "./fleet.ts";
import { failures, perSecond, ratio, turns, type Slice } from "./rounds.ts";

interface Load {
  readonly slice: Slice;
  /** Drawn by each request. */
  readonly tenants: number;
}

/** Each of the pooler's server connections meets each tenant for itself. */
const warmUps = 4;

/** Both through one PgBouncer in transaction mode, with as many server connections as an application's pool has. */
export async function measurePooled(fleet: Fleet, rounds: number, { slice, tenants }: Load) {
  const pooler = await startPooler(fleet.servers.databaseUrl, {
    user: runtimeRole,
    password: servicePassword(fleet.secrets, runtimeRole),
    connections: 10,
  });
  const apps = await Promise.all([startApp(fleet, "plain", pooler.url), startApp(fleet, "tenancy", pooler.url)]);
  const [plain, tenancy] = apps;
  try {
    await turns(warmUps, apps, (app) => slice(app, tenants));
    const seen = await turns(rounds, apps, (app) => slice(app, tenants));
    return { ratio: ratio(seen, tenancy, plain), plainPerSecond: perSecond(seen, plain), failed: failures(seen) };
  } finally {
    await Promise.all(apps.map((app) => app.stop()));
    await pooler.stop();
  }
}

/** Of the process, after as many requests of 10 companies and of many, of 10,000 that the registry knows. */
export async function measureMemory(fleet: Fleet, { slice, tenants }: Load) {
  const sizes: number[] = [];
  for (const active of [10, tenants]) {
    const app = await startApp(fleet, "tenancy");
    for (let i = 0; i < 3; i += 1) await slice(app, active);
    const answer = await fetch(`${app.url}/memory`);
    sizes.push(((await answer.json()) as { rssMb: number }).rssMb);
    await app.stop();
  }
  const [few = Number.NaN, many = Number.NaN] = sizes;
  return { few, many, ratio: many / few };
}
