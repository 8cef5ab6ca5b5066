/** The whole `POST /api/tenants/provision` call to the control plane of each release, one call after another. */
import { setTimeout as sleep } from "node:timers/promises";
import { throwIfInterrupted } from "../interruption.ts";
import { timed } from "../measure.ts";
import { createCaller } from "../provision.ts";
import { quantile, type BenchResult } from "../report.ts";
import { say } from "../request/fleet.ts";
import { withShutdown } from "../with-shutdown.ts";
import { runStatement, startInstallations } from "./installations.ts";
import type { AgainstOptions } from "./options.ts";
import { compareRounds, onBoth, sides, takeTurns, type Side, type Sides } from "./sides.ts";
import { startRelease } from "./start-release.ts";
import { copyTrees } from "./trees.ts";

const callsPerSlice = 2;
const blocks = 3;
/** What a release does after its last answer is not to fall into the other's first call. */
const settleMs = 500;

type Call = () => Promise<void>;

export function provisionAgainst({ checkout, rounds }: AgainstOptions): Promise<BenchResult> {
  return withShutdown(async (shutdown) => {
    const trees = await copyTrees(checkout, shutdown);
    const installations = await startInstallations(shutdown);
    const calls: Partial<Record<Side, Call>> = {};
    for (const side of sides) {
      const { databaseUrl, firstId } = installations[side];
      const release = await startRelease(trees[side], installations[side], shutdown);
      await runStatement(databaseUrl, `ALTER SEQUENCE companies_id_seq RESTART WITH ${firstId}`);
      calls[side] = createCaller(release.controlPlaneUrl, release.token);
    }
    return measure(calls as Sides<Call>, rounds);
  });
}

async function measure(calls: Sides<Call>, rounds: number): Promise<BenchResult> {
  const slice = (side: Side) => timeCalls(calls[side]);
  await takeTurns({ rounds: 1, blocks }, slice);
  say("both are warm");
  const seen = await takeTurns({ rounds, blocks }, slice, (round, slices) => {
    const ms = onBoth(slices, medianOf);
    const ratio = (ms.new / ms.old).toFixed(3);
    say(`round ${round}: old ${ms.old.toFixed(1)}, new ${ms.new.toFixed(1)} ms a call (${ratio})`);
  });
  const { ratios, figures } = compareRounds(seen.map((round) => onBoth(round, medianOf)));
  const all = { old: seen.flatMap((round) => round.old), new: seen.flatMap((round) => round.new) };
  return {
    bench: "provision",
    ratios,
    figures: {
      ...figures,
      oldCallP50Ms: medianOf(all.old),
      newCallP50Ms: medianOf(all.new),
      oldCallP90Ms: quantile(all.old.flat(), 0.9),
      newCallP90Ms: quantile(all.new.flat(), 0.9),
      calls: all.old.flat().length + all.new.flat().length,
    },
  };
}

async function timeCalls(call: Call): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < callsPerSlice; i += 1) {
    throwIfInterrupted();
    times.push(await timed(call));
  }
  await sleep(settleMs);
  return times;
}

const medianOf = (slices: readonly (readonly number[])[]): number => quantile(slices.flat(), 0.5);
