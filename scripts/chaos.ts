import { parseArgs } from "node:util";
import { columns, victims, type Column } from "./chaos/columns.ts";
import { drawMatrix, verdictOf } from "./chaos/matrix.ts";
import { chaosPoints, type ChaosPoint } from "./chaos/points.ts";
import { runCell, type CellResult } from "./chaos/run-cell.ts";
import { openSite, type Site } from "./chaos/site.ts";
import { runStorm } from "./chaos/storm.ts";
import { fail } from "./terminal.ts";

const help = `Usage: npm run chaos [-- options]

Strikes before and after every external effect of every operation on a company, and checks that all converges by itself,
nothing is there twice, nothing belongs to nobody and every client was told the truth. Struck are: the control plane
(SIGKILL, a real process; alone, one of two, both of two, or held past its lease), PostgreSQL, and Redis. On servers of
its own, which are gone afterwards.

  --victim V           control-plane, postgres, redis or all (all)
  --control-planes N   only the columns with one, or with two control planes
  --only TEXT          only points whose name holds the text, e.g. "delete deleted.cache"
  --every N            every Nth point of each column, others in each: a sample
  --sites N            how many sets of servers and programs side by side (1)
  --json               a JSON line for each point and column instead of the matrix
  --list               name the points and do nothing

  --storm              companies made many at once while two control planes, PostgreSQL and Redis are killed at random
  --companies N        how many (200)
  --at-once N          clients at the same time (50)
  --seed N             of the random moments; absent: another one each time, printed

Exit: 0 all green, 1 a point failed or the run broke, 2 wrong arguments.
`;

const options = {
  victim: { type: "string", default: "all" },
  "control-planes": { type: "string" },
  only: { type: "string", default: "" },
  every: { type: "string", default: "1" },
  sites: { type: "string", default: "1" },
  json: { type: "boolean", default: false },
  list: { type: "boolean", default: false },
  storm: { type: "boolean", default: false },
  companies: { type: "string", default: "200" },
  "at-once": { type: "string", default: "50" },
  seed: { type: "string" },
  help: { type: "boolean", default: false },
} as const;
const values = readArguments();
const say = (line: string) => void process.stdout.write(`${line}\n`);

if (values.help) say(help);
else process.exitCode = await run().catch((error: unknown) => fail(error, 1));

function readArguments() {
  try {
    const { values: given } = parseArgs({ options });
    for (const name of ["every", "sites", "companies", "at-once", "seed", "control-planes"] as const)
      if (given[name] !== undefined && !/^[1-9]\d{0,8}$/.test(given[name]))
        throw new Error(`--${name}: a whole number`);
    if (![...victims, "all"].includes(given.victim)) throw new Error(`--victim: ${victims.join(", ")} or all`);
    return given;
  } catch (error) {
    return fail(error, 2);
  }
}

async function run(): Promise<number> {
  if (values.storm) {
    const seed = Number(values.seed ?? 1 + Math.floor(Math.random() * 999_999));
    return runStorm({ companies: Number(values.companies), atOnce: Number(values["at-once"]), seed, say });
  }
  const chosen = columns.filter(
    ({ victim, controlPlanes }) =>
      [victim, "all"].includes(values.victim) && [String(controlPlanes), undefined].includes(values["control-planes"]),
  );
  const points = chaosPoints.filter(({ operation, point }) => `${operation} ${point}`.includes(values.only));
  if (!values.list) return runMatrix(chosen, points);
  for (const { operation, point } of points) say(`${operation.padEnd(10)}${point}`);
  return 0;
}

async function runMatrix(chosen: readonly Column[], points: readonly ChaosPoint[]): Promise<number> {
  const started = performance.now();
  const every = Number(values.every);
  const cells = chosen.flatMap((column, shift) =>
    points.filter((_, i) => (i + 7 * shift) % every === 0).map((point) => ({ column, point })),
  );
  const results: CellResult[] = [];
  await tryCells(cells, Number(values.sites), (result) => {
    results.push(result);
    report(result, `${results.length}/${cells.length}`);
  });
  const failed = results.filter(({ fault }) => fault !== undefined);
  if (!values.json) {
    say("");
    for (const line of drawMatrix(points, chosen, results)) say(line);
    for (const { column, operation, point, fault } of failed)
      say(`\nFAILED ${column}, ${operation} ${point}: ${fault}`);
    const tried = new Set(results.map(({ operation, point }) => `${operation} ${point}`)).size;
    say(`\nin ${((performance.now() - started) / 60_000).toFixed(1)} min`);
    const green = results.length - failed.length;
    const what = every === 1 ? `${tried} crash points × ${chosen.length} victims` : `${results.length} crash points`;
    say(`${what}: ${green} green, ${failed.length} failed`);
  }
  return failed.length === 0 && results.length > 0 ? 0 : 1;
}

interface Cell {
  readonly column: Column;
  readonly point: ChaosPoint;
}

/** Every site takes the next cell when it has done one. */
async function tryCells(cells: readonly Cell[], sites: number, done: (result: CellResult) => void): Promise<void> {
  const left = cells.values();
  const open = new Set<() => Promise<void>>();
  const closeAll = () => Promise.all([...open].map((close) => close()));
  // The servers do not share this terminal: an interrupted run has to end them too.
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.once(name, () => void closeAll().finally(() => process.exit(130)));
  const work = async () => {
    let site: Promise<Site> | undefined;
    const stopSite = async () => {
      const last = site;
      site = undefined;
      await (await last?.catch(() => undefined))?.close();
    };
    open.add(stopSite);
    try {
      for (const { column, point } of left) {
        site ??= openSite();
        const result = await runCell(await site, column, point);
        done(result);
        // A failed point may leave things behind: the next one gets a site of its own.
        if (result.fault !== undefined) await stopSite();
      }
    } finally {
      await stopSite();
    }
  };
  await Promise.all(Array.from({ length: sites }, work));
}

function report(result: CellResult, progress: string): void {
  if (values.json) return say(JSON.stringify(result));
  const what = `${result.column.padEnd(13)}${result.operation.padEnd(10)}${result.point.padEnd(32)}`;
  say(`${progress.padStart(9)}  ${what}${verdictOf(result)}${result.fault === undefined ? "" : `: ${result.fault}`}`);
}
