/**
 * A fleet run against its floor: the same two statements for each tenant, sent by node-postgres as one batch, on as many
 * connections. Beside it what Knex's own migrator costs, and a run that has nothing to do.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import knexModule from "knex";
import pg from "pg";
import { coordinate } from "../../control-plane/fleet/coordinate.ts";
import type { FleetContext } from "../../control-plane/fleet/fleet-context.ts";
import { planRun, startRun } from "../../control-plane/fleet/plan-run.ts";
import { openDatabase } from "../../core/db.ts";
import { createLogger } from "../../core/logger.ts";
import { compiledMigrations } from "../../core/migrations/compile.ts";
import { useMigrationFolders } from "../../core/migrations/folders.ts";
import { projectPath } from "../../core/paths.ts";
import { isInterrupted, throwIfInterrupted } from "../interruption.ts";
import { timed } from "../measure.ts";
import { percentile, type BenchResult } from "../report.ts";
import { say, withFleet, type Fleet } from "../request/fleet.ts";

const atOnce = 4;
/** Knex is slow enough to be measured on some of them. */
const knexTenants = 100;
const noopTenants = 5_000;

interface Change {
  readonly up: string;
  readonly down: string;
}

/** One column and one index of a table that every tenant has, under a name of its own. */
export const change = (name: string): Change => ({
  up: `ALTER TABLE customers ADD COLUMN ${name} text;\nCREATE INDEX customers_${name} ON customers (${name})`,
  down: `DROP INDEX customers_${name};\nALTER TABLE customers DROP COLUMN ${name}`,
});

export async function fleetBench(options: {
  tenants: number | undefined;
  count: number | undefined;
}): Promise<BenchResult> {
  const { tenants = 1_000, count: rounds = 4 } = options;
  return withFleet({ tenants, keptIn: undefined }, async (fleet) => {
    const folder = await mkdtemp(join(tmpdir(), "secretaria-fleet-"));
    const db = openDatabase(fleet.servers.databaseUrl, { name: "bench fleet", max: 4 });
    const log = createLogger("bench", "warn");
    const ctx = { db, databaseUrl: fleet.servers.databaseUrl, log, instance: "bench", config: { LEASE_SECONDS: 30 } };
    try {
      // The application without tenants has taken this one's schema.
      await fleet.owner.query("DELETE FROM tenant_versions WHERE tenant_id > $1", [tenants]);
      const times = { floor: [] as number[], run: [] as number[] };
      for (let round = 1; round <= rounds; round += 1) {
        await prepareOurs(folder, round);
        const floor = () => runFloor(fleet, change(`floor${round}`));
        const run = () => runOurs(ctx);
        // Who comes second meets warmer caches and a fuller log: they take turns in that too.
        const order =
          round % 2 === 1
            ? ([
                ["floor", floor],
                ["run", run],
              ] as const)
            : ([
                ["run", run],
                ["floor", floor],
              ] as const);
        for (const [name, work] of order) {
          throwIfInterrupted();
          times[name].push(await timed(work));
        }
        say(
          `round ${round}: floor ${ms(times.floor.at(-1), tenants)}, run ${ms(times.run.at(-1), tenants)} ms a tenant`,
        );
      }
      const some = Math.min(knexTenants, tenants);
      const knex = (await timed(() => runKnex(fleet, { rounds, tenants: some }))) / some;
      throwIfInterrupted();
      const floorMs = percentile(times.floor, 0.5) / tenants;
      const ratios = times.run.map((time, i) => time / (times.floor[i] ?? Number.NaN));
      return {
        bench: "fleet",
        ratios: { fleet: percentile(ratios, 0.5), knex: knex / floorMs },
        figures: {
          tenants,
          floorMsPerTenant: floorMs,
          runMsPerTenant: percentile(times.run, 0.5) / tenants,
          knexMsPerTenant: knex,
          noopMs5000: await measureNoop(ctx),
        },
      };
    } finally {
      useMigrationFolders("tenant", undefined);
      await db.destroy();
      await rm(folder, { recursive: true, force: true });
    }
  });
}

const ms = (time: number | undefined, tenants: number): string => ((time ?? Number.NaN) / tenants).toFixed(2);

async function runFloor({ servers, tenants }: Fleet, { up }: Change): Promise<void> {
  let last = 0;
  const worker = async () => {
    const client = new pg.Client({ connectionString: servers.databaseUrl });
    await client.connect();
    for (let id = (last += 1); id <= tenants; id = last += 1)
      await client.query(`SET LOCAL search_path TO tenant_${id}, extensions;\n${up}`);
    await client.end();
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

/** The file, read and compiled as a control plane has it at its start. */
async function prepareOurs(folder: string, round: number): Promise<void> {
  const { up, down } = change(`ours${round}`);
  await writeFile(
    join(folder, `${5000 + round}_bench.sql`),
    `-- why: the benchmark\n-- up\n${up};\n-- down\n${down};\n`,
  );
  useMigrationFolders("tenant", [projectPath("migrations", "tenant"), folder]);
  await compiledMigrations("tenant");
}

/** Planning, waves and records included. */
async function runOurs(ctx: FleetContext): Promise<void> {
  const run = await coordinate(ctx, await startRun(ctx, { concurrency: atOnce }, "bench"));
  if (run.status !== "succeeded") throw new Error(`the run ${run.status}: ${run.pause_reason ?? ""}`);
}

/** `knex.migrate.latest` for each tenant on a Knex of its own search path, as its users do it; four at once. */
async function runKnex({ servers }: Fleet, { rounds, tenants }: { rounds: number; tenants: number }): Promise<void> {
  const name = `${5001 + rounds}_knex.sql`;
  const source = {
    getMigrations: async () => [name],
    getMigrationName: String,
    getMigration: async () => ({ up: (db: knexModule.Knex) => db.raw(change("knex").up), down: async () => undefined }),
  };
  let last = 0;
  const worker = async () => {
    for (let id = (last += 1); id <= tenants && !isInterrupted(); id = last += 1) {
      const db = knexModule({
        client: "pg",
        connection: servers.databaseUrl,
        searchPath: [`tenant_${id}`],
        pool: { min: 0, max: 1 },
      });
      await db.migrate.latest({
        migrationSource: source,
        schemaName: `tenant_${id}`,
        disableMigrationsListValidation: true,
      });
      await db.destroy();
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

/** Files read, planned, refused as nothing to do; the rows of tenants without a schema are enough, for none is looked at. */
async function measureNoop(ctx: FleetContext): Promise<number> {
  await ctx.db.raw(
    `INSERT INTO tenant_versions (tenant_id, uuid, version)
     SELECT 1000000 + n, gen_random_uuid(), (SELECT max(version) FROM tenant_versions)
     FROM generate_series(1, ? - (SELECT count(*)::int FROM tenant_versions)) AS n`,
    [noopTenants],
  );
  const times: number[] = [];
  for (let i = 0; i < 20; i += 1)
    times.push(
      await timed(async () => {
        const plan = await planRun(ctx, {});
        if (plan.tenants > 0) throw new Error(`${plan.tenants} tenants are behind`);
      }),
    );
  return percentile(times, 0.5);
}
