/** Takes each defence of the isolation away, one at a time, and sees whether an attack gets through. */
import { parseArgs } from "node:util";
import type { Mutation } from "./mutate/mutation.ts";
import { mutations } from "./mutate/mutations.ts";
import { checkFamily, runMutation, type MutationResult } from "./mutate/run-mutation.ts";
import { fail } from "./terminal.ts";

const help = `Usage: npm run mutate [-- options]

Puts one defect after the other into a copy of the working tree and runs the attacks of test/attacks/ against it: without
a defect none may get through, that is tried first. A defect is killed when an attack gets through and is seen, and closed
when nothing works any more, so that nobody gets anything.

  --only TEXT   only the family or the mutation of this name, or else those whose name or defence holds the text
  --at-once N   how many mutations side by side (1)
  --unchecked   do not try first that without a defect none gets through: npm test has shown it
  --json        a JSON line for each mutation instead of the table
  --list        name the mutations and do nothing

Exit: 0 none survived, 1 one survived or the run broke, 2 wrong arguments.
`;

const options = {
  only: { type: "string", default: "" },
  "at-once": { type: "string", default: "1" },
  unchecked: { type: "boolean", default: false },
  json: { type: "boolean", default: false },
  list: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;
const values = readArguments();
const say = (line: string) => void process.stdout.write(`${line}\n`);

if (values.help) say(help);
else process.exitCode = await run().catch((error: unknown) => fail(error, 1));

function readArguments() {
  try {
    const { values: given } = parseArgs({ options });
    if (!/^[1-9]\d?$/.test(given["at-once"])) throw new Error("--at-once: a whole number from 1 to 99");
    return given;
  } catch (error) {
    return fail(error, 2);
  }
}

async function run(): Promise<number> {
  const exact = mutations.filter(({ name, family }) => name === values.only || family === values.only);
  const like = mutations.filter(({ name, defence }) => name.includes(values.only) || defence.includes(values.only));
  const chosen = exact.length > 0 ? exact : like;
  if (values.list) {
    for (const mutation of chosen) say(`${mutation.family.padEnd(10)}${mutation.defence.padEnd(36)}${mutation.name}`);
    return 0;
  }
  const results: MutationResult[] = [];
  if (!values.unchecked) await sideBySide([...new Set(chosen.map(({ family }) => family))], checkFamily);
  await sideBySide(chosen, async (mutation) => {
    const result = await runMutation(mutation);
    results.push(result);
    report(mutation, result);
  });
  const count = (verdict: MutationResult["verdict"]) => results.filter((result) => result.verdict === verdict).length;
  if (!values.json)
    say(
      `\n${results.length} mutations: ${count("killed")} killed, ${count("closed")} closed, ${count("survived")} survived`,
    );
  return count("survived") === 0 && results.length > 0 ? 0 : 1;
}

/** At most `--at-once` of them at the same time. */
async function sideBySide<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = items.values();
  const lane = async () => {
    for (const item of left) await work(item);
  };
  await Promise.all(Array.from({ length: Number(values["at-once"]) }, lane));
}

function report({ family }: Mutation, result: MutationResult): void {
  if (values.json) return say(JSON.stringify(result));
  const by = result.by === undefined ? "" : `  ${result.by.split("\n")[0]}`;
  say(`${result.verdict.padEnd(10)}${family.padEnd(10)}${result.name.padEnd(54)}${by}`);
}
