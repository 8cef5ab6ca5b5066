import { fail } from "../scripts/terminal.ts";
import { fleetAgainst } from "./against/fleet.ts";
import type { AgainstOptions } from "./against/options.ts";
import { provisionAgainst } from "./against/provision.ts";
import { requestAgainst } from "./against/request.ts";
import { minRounds } from "./against/sides.ts";
import { benchNames, readArguments, type BenchArguments, type BenchName } from "./arguments.ts";
import { fleetBench } from "./fleet/run.ts";
import { isInterrupted, stopInOrderOnSignals } from "./interruption.ts";
import { provisionBench } from "./provision.ts";
import { printResult, type BenchResult } from "./report.ts";
import { requestBench } from "./request/run.ts";

type Bench<Options> = (options: Options) => Promise<BenchResult>;

const benches: Readonly<Record<BenchName, { floor: Bench<BenchArguments>; against: Bench<AgainstOptions> }>> = {
  provision: { floor: provisionBench, against: provisionAgainst },
  request: { floor: requestBench, against: requestAgainst },
  fleet: { floor: fleetBench, against: fleetAgainst },
};

const help = `Usage: npm run bench -- <${benchNames.join("|")}> [--count N] [--tenants N] [--keep DIR] [--json]
       npm run bench -- <${benchNames.join("|")}> --against CHECKOUT [--count N] [--tenants N] [--keep DIR] [--json]

Starts its own servers in a temporary folder, measures product and floor interleaved in one run, and prints ratios.
--count: calls (provision) or rounds. --tenants: schemas on the server (request, fleet; 1000).
--keep: the request's fleet stays in that folder, and the next run there finds its schemas made.
With --json the last line is { "bench", "ratios", "figures" }.

--against: instead of the floor, another checkout of this project is the old release and this one the new. The programs
of both live on one server and take turns for --count rounds (${minRounds}, the least). The checkout needs packages: npm ci there,
or, with the same package-lock.json, ln -s "$PWD/node_modules" CHECKOUT/. Only ratios.against is measured, the median of
the rounds' new/old, with figures.againstLow and againstHigh, the quartiles of these, and againstRounds:
  request    requests per second, new/old: higher is better
  provision  milliseconds of a call, new/old: lower is better
  fleet      milliseconds of a run per tenant, new/old: lower is better
docs/PERFORMANCE.md, "Old against new", says what is compared.
`;

const asked = read();
stopInOrderOnSignals();
try {
  const { against: checkout, count: rounds = minRounds, tenants, keep } = asked;
  const { floor, against } = benches[asked.bench];
  const result = await (checkout === undefined ? floor(asked) : against({ checkout, rounds, tenants, keep }));
  printResult(result, asked.json);
} catch (error) {
  // Whatever the signal broke on the way is not the reason.
  if (isInterrupted()) fail(new Error("interrupted"), 130);
  fail(error, 1);
}

function read(): BenchArguments {
  let what: BenchArguments | "help";
  try {
    what = readArguments(process.argv.slice(2));
  } catch (error) {
    return fail(error, 2);
  }
  if (what !== "help") return what;
  process.stdout.write(help);
  return process.exit(process.argv.length > 2 ? 0 : 2);
}
