/** Options of a run as they are typed. */
import type { ParseArgsConfig } from "node:util";
import { runOptionsSchema, type RunOptions } from "../../control-plane/fleet/run-options.ts";
import { UsageError } from "./command.ts";

const text = { type: "string" } as const;
const flag = { type: "boolean" } as const;

export const runFlags = {
  canary: flag,
  "no-canary": flag,
  waves: text,
  bake: text,
  concurrency: text,
  "on-error": text,
  "max-error-rate": text,
  "max-runtime-error-rate": text,
  to: text,
  "on-request": flag,
  trickle: text,
  "lock-timeout": text,
  "statement-timeout": text,
  "busy-for": text,
  "dry-run": flag,
  json: flag,
} as const satisfies ParseArgsConfig["options"];

type Values = Partial<Record<keyof typeof runFlags, string | boolean>>;

export const runFlagsHelp = `
  --to <file>              arrive at this migration, by file name or number; absent: the newest
                           0015+5003: at both, the product's and that of your own folder; 0000: none of them
  --canary, --no-canary    schemas made ahead and tenants tagged as canaries first, by themselves (the default), or not
  --waves 1,10,100         percent of the fleet that is done after each wave
  --bake 30s               how long a wave is watched before the next begins
  --concurrency 4          tenants at once, at most
  --on-error continue      or pause: stop at the first failure
  --max-error-rate 0.05    share of a wave that may fail before the run pauses
  --max-runtime-error-rate 0.02
                           how much more of the runtimes' requests may end in 5xx than before, before the run pauses
  --on-request             after the canaries, migrate a tenant when somebody next asks for it
  --trickle 30s            with --on-request: so often one more is migrated though nobody asks for it
  --lock-timeout 2s        how long a busy tenant is kept waiting
  --statement-timeout 10m  what one statement may take; 0: any time
  --busy-for 1h            how long a busy tenant is tried again before it counts as failed
  --dry-run                say what would be done, with the SQL and its locks; change nothing
  --json                   JSON lines, as into a pipe`;

/** @throws UsageError naming the option that is wrong. */
export function readRunOptions(values: Values, more: { direction: "up" | "down"; tenants?: number[] }): RunOptions {
  const given = {
    ...more,
    to: values.to,
    canary: values["no-canary"] === true ? false : values.canary,
    waves: typeof values.waves === "string" ? values.waves.split(",").map(Number) : undefined,
    bakeSeconds: secondsOf(values.bake, "bake"),
    concurrency: numberOf(values.concurrency),
    onError: values["on-error"],
    maxErrorRate: numberOf(values["max-error-rate"]),
    maxRuntimeErrorRate: numberOf(values["max-runtime-error-rate"]),
    mode: values["on-request"] === true ? "on-request" : undefined,
    trickleSeconds: secondsOf(values.trickle, "trickle"),
    lockTimeoutMs: times(1000, secondsOf(values["lock-timeout"], "lock-timeout")),
    statementTimeoutMs: times(1000, secondsOf(values["statement-timeout"], "statement-timeout")),
    busyMinutes: times(1 / 60, secondsOf(values["busy-for"], "busy-for")),
  };
  const parsed = runOptionsSchema.safeParse(given);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new UsageError(`--${flagOf(String(issue?.path[0]))}: ${issue?.message ?? ""}`);
}

const units: Readonly<Record<string, number>> = { "": 1, ms: 0.001, s: 1, m: 60, h: 3600 };

/** `90`, `90s`, `1.5m`, `2h`, `250ms` → seconds. */
function secondsOf(value: string | boolean | undefined, name: string): number | undefined {
  if (typeof value !== "string") return undefined;
  const [, count, unit = ""] = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(value) ?? [];
  if (count === undefined) throw new UsageError(`--${name}: '${value}' is no time; write 30s, 5m or 1h`);
  return Number(count) * (units[unit] ?? 1);
}

const numberOf = (value: string | boolean | undefined) => (value === undefined ? undefined : Number(value));
const times = (factor: number, value: number | undefined) => (value === undefined ? undefined : value * factor);

const flagNames: Readonly<Record<string, string>> = {
  bakeSeconds: "bake",
  trickleSeconds: "trickle",
  onError: "on-error",
  maxErrorRate: "max-error-rate",
  maxRuntimeErrorRate: "max-runtime-error-rate",
  lockTimeoutMs: "lock-timeout",
  statementTimeoutMs: "statement-timeout",
  busyMinutes: "busy-for",
};
const flagOf = (field: string): string => flagNames[field] ?? field;
