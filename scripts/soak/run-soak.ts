/** Turns of all tenants, mingled, while backends are killed. */
import { runtimeRole } from "../../core/migrations/tenant-schema.ts";
import { registryRole } from "../../core/service-roles.ts";
import { runQuery } from "../../test/support/servers.ts";
import { createRandom, type Random } from "../chaos/random.ts";
import { openSoakClient } from "./http-client.ts";
import { openLedger, type Ledger } from "./ledger.ts";
import { pickMove } from "./moves.ts";
import { openSoakSite } from "./site.ts";
import { makeTenants, type SoakTenant } from "./tenants.ts";

export interface SoakOptions {
  readonly requests: number;
  readonly tenants: number;
  readonly pgbouncer: boolean;
  /** Ends early after so long. */
  readonly seconds: number;
  /** Decides who does what and when backends die; how it mingles is up to the machine. */
  readonly seed: number;
  readonly say: (line: string) => void;
}

const atOnce = 24;
/** Turns from one killed backend to the next. */
const killEvery = 250;

export async function runSoak(options: SoakOptions): Promise<Ledger> {
  const { requests, pgbouncer, seed, say } = options;
  const site = await openSoakSite({ pgbouncer });
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.once(name, () => void site.close().finally(() => process.exit(130)));
  try {
    const started = performance.now();
    const seconds = () => `${((performance.now() - started) / 1000).toFixed(1).padStart(6)} s`;
    const tenants = await makeTenants(site, options.tenants);
    say(`${seconds()}  ${tenants.length} tenants are served`);
    const ledger = openLedger();
    const client = openSoakClient(site.httpPort);
    const deadline = performance.now() + options.seconds * 1000;
    const random = createRandom(seed);
    const pick = () => random.pick(tenants as [SoakTenant, ...SoakTenant[]]);
    const takeTurns = async () => {
      while (ledger.counts.requests < requests && performance.now() < deadline) {
        const number = (ledger.counts.requests += 1);
        if (number % Math.max(1, Math.floor(requests / 20)) === 0) say(`${seconds()}  ${number} requests`);
        if (number % killEvery === 0) await kill(site.databaseUrl, { ledger, random });
        const [tenant, other] = pickTwo(pick);
        await pickMove(random)({ number, tenant, other, random, client, pool: site.pool, ledger });
      }
    };
    await Promise.all(Array.from({ length: atOnce }, takeTurns));
    client.close();
    await ledger.close(site.databaseUrl, tenants);
    say(`${seconds()}  every row of every tenant was read`);
    return ledger;
  } finally {
    await site.close();
  }
}

function pickTwo(pick: () => SoakTenant): [SoakTenant, SoakTenant] {
  const one = pick();
  for (;;) {
    const other = pick();
    if (other !== one) return [one, other];
  }
}

/** One of the backends that serve, whatever it is doing. */
async function kill(databaseUrl: string, { ledger, random }: { ledger: Ledger; random: Random }): Promise<void> {
  const backends = await runQuery<{ pid: number }>(
    databaseUrl,
    "SELECT pid FROM pg_stat_activity WHERE usename = ANY ($1) AND datname = current_database() ORDER BY pid",
    [[runtimeRole, registryRole]],
  );
  if (backends.length === 0) return;
  const { pid } = random.pick(backends as [{ pid: number }, ...{ pid: number }[]]);
  await runQuery(databaseUrl, "SELECT pg_terminate_backend($1)", [pid]);
  ledger.counts.killed += 1;
}
