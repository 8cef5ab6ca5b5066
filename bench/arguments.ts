/** Arguments of `npm run bench --`. */
import { parseArgs } from "node:util";
import { findCheckout } from "./against/checkout.ts";
import { minRounds } from "./against/sides.ts";
import { UsageError } from "./usage-error.ts";

export const benchNames = ["provision", "request", "fleet"] as const;
export type BenchName = (typeof benchNames)[number];

export interface BenchArguments {
  readonly bench: BenchName;
  readonly count: number | undefined;
  readonly tenants: number | undefined;
  readonly keep: string | undefined;
  /** Folder of the old release. */
  readonly against: string | undefined;
  readonly json: boolean;
}

const options = {
  json: { type: "boolean", default: false },
  count: { type: "string" },
  tenants: { type: "string" },
  keep: { type: "string" },
  against: { type: "string" },
  help: { type: "boolean", default: false },
} as const;

/** Returns "help" where that is asked for. @throws UsageError with one line. */
export function readArguments(args: readonly string[]): BenchArguments | "help" {
  const { values, positionals } = parse(args);
  if (values.help || args.length === 0) return "help";
  const [name, extra] = positionals;
  const bench = benchNames.find((one) => one === name);
  if (bench === undefined)
    throw new UsageError(`there is no benchmark '${name ?? ""}': name one of ${benchNames.join(", ")}`);
  if (extra !== undefined) throw new UsageError(`'${extra}' is not understood: one benchmark at a time`);
  const count = numberOf("--count", values.count);
  const tenants = numberOf("--tenants", values.tenants);
  const { keep, json } = values;
  if (values.against === undefined) return { bench, count, tenants, keep, against: undefined, json };
  if (count !== undefined && count < minRounds)
    throw new UsageError(`--count ${count}: with --against at least ${minRounds} rounds are needed`);
  return { bench, count, tenants, keep, against: findCheckout(values.against), json };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options });
  } catch (error) {
    throw new UsageError((error as Error).message.split("\n")[0]);
  }
}

function numberOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new UsageError(`${name} ${text}: must be a whole number from 1`);
  return Number(text);
}
