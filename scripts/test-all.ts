/** Runs everything that is tested: the suite at its whole size, then what the suite holds only a sample of. */
import { spawn } from "node:child_process";
import { parseArgs } from "node:util";
import { projectPath } from "../core/paths.ts";
import { fail } from "./terminal.ts";

interface Part {
  readonly name: string;
  readonly what: string;
  /** Arguments of npm. */
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const script = (name: string, ...args: string[]): readonly string[] => ["run", "--silent", name, "--", ...args];

const parts: readonly Part[] = [
  {
    name: "suite",
    what: "npm test, with fleets of their whole size",
    command: ["test"],
    env: { TEST_SIZE: "whole" },
  },
  { name: "chaos", what: "every crash point under every victim", command: script("chaos", "--sites", "2") },
  { name: "storm", what: "200 companies while everything is killed", command: script("chaos", "--storm") },
  { name: "mutate", what: "every defence taken away", command: script("mutate", "--at-once", "2") },
  { name: "soak", what: "100,000 requests of 200 tenants", command: script("soak") },
  { name: "soak-pgbouncer", what: "the same through PgBouncer", command: script("soak", "--pgbouncer") },
];

const width = Math.max(...parts.map(({ name }) => name.length)) + 2;

const help = `Usage: npm run test:all [-- options]

Runs every part, one after the other, also after one that failed, and says how each of them ended.

${parts.map(({ name, what }) => `  ${name.padEnd(width)}${what}`).join("\n")}

  --only NAMES   only these parts, separated by commas

Exit: 0 all passed, 1 a part failed, 2 wrong arguments.
`;

const options = { only: { type: "string" }, help: { type: "boolean", default: false } } as const;
const values = readArguments();

if (values.help) process.stdout.write(help);
else process.exitCode = await run();

function readArguments() {
  try {
    const { values: given } = parseArgs({ options });
    const unknown = given.only?.split(",").find((name) => !parts.some((part) => part.name === name));
    if (unknown !== undefined) throw new Error(`--only: there is no part '${unknown}'; see --help`);
    return given;
  } catch (error) {
    return fail(error, 2);
  }
}

async function run(): Promise<number> {
  const names = values.only?.split(",");
  const rows: string[] = [];
  let failed = 0;
  for (const part of parts.filter(({ name }) => names === undefined || names.includes(name))) {
    process.stdout.write(`\n── ${part.name}: ${part.what}\n`);
    const started = performance.now();
    const passed = await runPart(part);
    if (!passed) failed += 1;
    const minutes = ((performance.now() - started) / 60_000).toFixed(1);
    rows.push(`  ${part.name.padEnd(width)}${(passed ? "passed" : "FAILED").padEnd(8)}${minutes.padStart(6)} min`);
  }
  process.stdout.write(`\n${rows.join("\n")}\n\n${rows.length - failed} passed, ${failed} failed\n`);
  return failed === 0 ? 0 : 1;
}

/** Ctrl-C reaches the part too, through the terminal; what it started ends with it. */
function runPart({ command, env }: Part): Promise<boolean> {
  const child = spawn("npm", command, {
    cwd: projectPath(),
    env: { ...process.env, ...env },
    stdio: ["ignore", "inherit", "inherit"],
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve(code === 0));
  });
}
