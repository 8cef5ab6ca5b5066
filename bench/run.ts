import { parseArgs } from "node:util";
import { fleetBench } from "./fleet/run.ts";
import { provisionBench } from "./provision.ts";
import { requestBench } from "./request/run.ts";
import { printResult, type BenchResult } from "./report.ts";

interface BenchOptions {
  readonly count: number | undefined;
  readonly tenants: number | undefined;
  readonly keep: string | undefined;
}

const benches: Readonly<Record<string, (options: BenchOptions) => Promise<BenchResult>>> = {
  provision: provisionBench,
  request: requestBench,
  fleet: fleetBench,
};

const help = `Usage: npm run bench -- <${Object.keys(benches).join("|")}> [--count N] [--tenants N] [--keep DIR] [--json]

Starts its own servers in a temporary folder, measures product and floor interleaved in one run, and prints ratios.
--keep: the request's fleet stays in that folder, and the next run there finds its schemas made.
With --json the last line is { "bench", "ratios", "figures" }.
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: "boolean", default: false },
    count: { type: "string" },
    tenants: { type: "string" },
    keep: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
const bench = benches[positionals[0] ?? ""];
if (values.help || bench === undefined) {
  process.stdout.write(help);
  process.exit(values.help ? 0 : 2);
}
const numberOf = (text: string | undefined) => (text === undefined ? undefined : Number(text));
const { keep, json } = values;
printResult(await bench({ count: numberOf(values.count), tenants: numberOf(values.tenants), keep }), json);
