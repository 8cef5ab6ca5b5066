/** Whoever kills during a storm. */
import { setTimeout as sleep } from "node:timers/promises";
import { waitUntil } from "./client.ts";
import type { Random } from "./random.ts";
import type { Plane } from "./plane.ts";
import type { Site } from "./site.ts";

interface Storm {
  readonly random: Random;
  /** How much of the storm is over, 0 to 1. */
  readonly share: () => number;
  readonly report: (line: string) => void;
}

/**
 * Kills each control plane again and again, Redis once in the first half and PostgreSQL once in the second, and starts
 * what it killed. `stop` resolves when everything runs that was killed; both servers have had their turn by then.
 */
export function startKilling(site: Site, storm: Storm): { stop(): Promise<void> } {
  let over = false;
  const isOver = () => over;
  const { random, report } = storm;
  const { redis, postgres } = site.stack.servers;
  const all = [
    ...site.planes.map((plane, i) => killAgainAndAgain(plane, `control plane ${i + 1}`, { ...storm, isOver })),
    killOnce(redis, "Redis", { ...storm, isOver, at: random.between(0.2, 0.45) }),
    killOnce(postgres, "PostgreSQL", { ...storm, isOver, at: random.between(0.55, 0.8) }),
  ];
  const working = Promise.all(all);
  working.catch((error: Error) => report(`the killer was stopped: ${error.message}`));
  return {
    async stop() {
      over = true;
      await working;
    },
  };
}

async function killAgainAndAgain(
  plane: Plane,
  name: string,
  { random, report, isOver }: Storm & { isOver: () => boolean },
): Promise<void> {
  let pause = random.between(0.3, 2);
  let kills = 0;
  while (!(await waitUntil(isOver, pause))) {
    await plane.kill();
    kills += 1;
    await sleep(random.between(0, 1_500));
    await startAgain(plane);
    pause = random.between(2, 10);
  }
  report(`${name} was killed ${kills} times`);
}

/** It may be started while a server is down: then it does not come up, and is started again, as a supervisor would. */
async function startAgain(plane: Plane): Promise<void> {
  for (;;) {
    const failed = await plane.ensureSound().then(
      () => false,
      () => true,
    );
    if (!failed) return;
    await sleep(500);
  }
}

async function killOnce(
  server: { kill(): Promise<void>; start(): Promise<void> } | undefined,
  name: string,
  { random, share, report, isOver, at }: Storm & { isOver: () => boolean; at: number },
): Promise<void> {
  while (share() < at && !isOver()) await sleep(20);
  await server?.kill();
  await sleep(random.between(100, 1_500));
  await server?.start();
  report(`${name} was killed and started again`);
}
