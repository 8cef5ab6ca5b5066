/** Many companies at once through two control planes, while these and both servers are killed; then everything is counted. */
import { randomUUID } from "node:crypto";
import { insist, waitUntil, type Answer, type ChaosClient, type ChaosRequest } from "./client.ts";
import { countStorm, findPendingCompanies } from "./count-storm.ts";
import { journeyOf } from "./journeys.ts";
import { startKilling } from "./killers.ts";
import { createRandom } from "./random.ts";
import { openSite, type Site } from "./site.ts";

export interface StormOptions {
  readonly companies: number;
  /** Clients at the same time. */
  readonly atOnce: number;
  /** Decides the moments, and whom a client asks. */
  readonly seed: number;
  readonly say: (line: string) => void;
}

export interface StormClient {
  readonly slug: string;
  readonly request: ChaosRequest;
  /** Undefined: none that was final, in time. */
  answer?: Answer | undefined;
}

/** A client gives up after this; everything that is due has converged after as much again. */
const patienceSeconds = 240;
/** Longer than a matrix's: fifty provisionings at once may hold a process up. */
const leaseSeconds = "3";

/** Answers the exit code: 0 when every count is as it should be. */
export async function runStorm(options: StormOptions): Promise<number> {
  const { companies, atOnce, seed, say } = options;
  say(`storm: ${companies} companies, ${atOnce} at once, seed ${seed}`);
  const site = await openSite({ LEASE_SECONDS: leaseSeconds });
  // The servers do not share this terminal: whoever interrupts the run has to end them too.
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.once(name, () => void site.close().finally(() => process.exit(130)));
  try {
    await Promise.all(site.planes.map((plane) => plane.ensureSound()));
    const started = performance.now();
    const seconds = () => ((performance.now() - started) / 1000).toFixed(1).padStart(6);
    const clients = await provisionAll(site, options, (line) => say(`${seconds()} s  ${line}`));
    say(`${seconds()} s  all answered`);
    await waitUntil(async () => (await findPendingCompanies(site.eyes.db)) === 0, patienceSeconds);
    say(`${seconds()} s  converged`);
    const counts = await countStorm(site, clients);
    for (const { what, is, should } of counts)
      say(
        `${is === should ? "  ok    " : "  FAILED"} ${String(is).padStart(5)} ${what}${is === should ? "" : `, not ${should}`}`,
      );
    const failed = counts.filter(({ is, should }) => is !== should).length;
    say(`${companies} companies, seed ${seed}: ${counts.length - failed} counts green, ${failed} failed`);
    return failed === 0 ? 0 : 1;
  } finally {
    await site.close();
  }
}

async function provisionAll(
  site: Site,
  { companies, atOnce, seed }: StormOptions,
  report: (line: string) => void,
): Promise<StormClient[]> {
  const random = createRandom(seed);
  const { token } = await site.signIn(site.planes[0]);
  const [one, two] = site.planes.map(({ url }): ChaosClient => ({ url, token }));
  const clients = Array.from({ length: companies }, (_, i): StormClient => {
    const slug = `storm-${i + 1}`;
    return { slug, request: { ...journeyOf("provision").request(slug), key: randomUUID() } };
  });
  const waiting = clients.values();
  let answered = 0;
  const killing = startKilling(site, { random, share: () => answered / companies, report });
  const whom = () => random.pick([one as ChaosClient, two as ChaosClient]);
  const work = async () => {
    for (const client of waiting) {
      client.answer = await insist(whom, client.request, patienceSeconds).catch((error: Error) => {
        report(`${client.slug}: ${error.message}`);
        return undefined;
      });
      answered += 1;
    }
  };
  const progress = setInterval(() => report(`${answered}/${companies} answered`), 5_000);
  try {
    await Promise.all(Array.from({ length: atOnce }, work));
  } finally {
    clearInterval(progress);
    await killing.stop();
    await Promise.all(site.planes.map((plane) => plane.ensureSound()));
  }
  return clients;
}
