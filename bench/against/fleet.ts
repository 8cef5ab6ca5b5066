/**
 * A run over the fleet by the control plane of each release, asked for over its API: one column and one index for each
 * tenant. Each release has made its own fleet, at its own newest version.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import { change } from "../fleet/run.ts";
import { quantile, type BenchResult } from "../report.ts";
import { say, whileFilling } from "../request/fleet.ts";
import { withShutdown } from "../with-shutdown.ts";
import { startInstallations, type Installation } from "./installations.ts";
import { fillFleet } from "./fill-fleet.ts";
import type { AgainstOptions } from "./options.ts";
import { runFleet } from "./run-fleet.ts";
import { compareRounds, mean, onBoth, sides, takeTurns, type Side, type Sides } from "./sides.ts";
import { startRelease, type Release } from "./start-release.ts";
import { copyTrees, type Tree } from "./trees.ts";

const blocks = 1;
const warmUpRounds = 1;
const runsPerRound = 2;

export function fleetAgainst({ checkout, rounds, tenants = 1_000 }: AgainstOptions): Promise<BenchResult> {
  return withShutdown(async (shutdown) => {
    const trees = await copyTrees(checkout, shutdown);
    const installations = await startInstallations(shutdown);
    await fillBoth(trees, installations, tenants);
    const releases: Partial<Record<Side, Release>> = {};
    for (const side of sides) {
      const folder = join(installations[side].folder, "migrations");
      await writeChanges(folder, runsPerRound * (warmUpRounds + rounds));
      releases[side] = await startRelease(trees[side], installations[side], shutdown, {
        programs: ["control-plane"],
        env: { TENANT_MIGRATIONS: folder },
      });
    }
    return measure(releases as Sides<Release>, { rounds, tenants });
  });
}

/** Nothing is measured yet: the disk is waited for at the end. */
async function fillBoth(trees: Sides<Tree>, installations: Sides<Installation>, tenants: number): Promise<void> {
  const owner = new pg.Client({ connectionString: installations.new.databaseUrl });
  await owner.connect();
  try {
    await whileFilling(owner, async () => {
      for (const side of sides) await fillFleet(trees[side], installations[side], tenants);
    });
    await owner.query("CHECKPOINT");
  } finally {
    await owner.end();
  }
}

/** One file for each run, numbered from 5001. */
async function writeChanges(folder: string, count: number): Promise<void> {
  await mkdir(folder);
  for (let i = 1; i <= count; i += 1) {
    const { up, down } = change(`bench${i}`);
    await writeFile(join(folder, `${fileOf(i)}.sql`), `-- why: the benchmark\n-- up\n${up};\n-- down\n${down};\n`);
  }
}

const fileOf = (run: number): string => `${5000 + run}_bench`;

async function measure(
  releases: Sides<Release>,
  { rounds, tenants }: { readonly rounds: number; readonly tenants: number },
): Promise<BenchResult> {
  const runs: Record<Side, number> = { old: 0, new: 0 };
  const slice = async (side: Side) => {
    runs[side] += 1;
    return (await runFleet(releases[side], { to: fileOf(runs[side]), tenants })) / tenants;
  };
  await takeTurns({ rounds: warmUpRounds, blocks }, slice);
  say("both are warm");
  const seen = await takeTurns({ rounds, blocks }, slice, (round, slices) => {
    const ms = onBoth(slices, mean);
    const ratio = (ms.new / ms.old).toFixed(3);
    say(`round ${round}: old ${ms.old.toFixed(3)}, new ${ms.new.toFixed(3)} ms a tenant (${ratio})`);
  });
  const { ratios, figures } = compareRounds(seen.map((round) => onBoth(round, mean)));
  const middle = (side: Side) =>
    quantile(
      seen.flatMap((round) => round[side]),
      0.5,
    );
  return {
    bench: "fleet",
    ratios,
    figures: { ...figures, tenants, oldRunMsPerTenant: middle("old"), newRunMsPerTenant: middle("new") },
  };
}
