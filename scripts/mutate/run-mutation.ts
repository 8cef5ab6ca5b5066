/** One defect in a copy of the working tree, and the attacks on it. */
import { execFile, spawn } from "node:child_process";
import { chmod, cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { projectPath } from "../../core/paths.ts";
import { brokenWorld } from "../../test/attacks/attack.ts";
import type { Mutation } from "./mutation.ts";

/**
 * `killed`: an attack got through, and was seen. `closed`: nothing works any more, so nobody gets anything. `survived`:
 * all attacks say that nothing is wrong.
 */
export type Verdict = "killed" | "closed" | "survived";

export interface MutationResult {
  readonly name: string;
  readonly defence: string;
  readonly verdict: Verdict;
  /** The first attack that got through, or what broke. */
  readonly by: string | undefined;
}

const copied = ["core", "control-plane", "tenant-runtime", "workers", "scripts", "test", "migrations"];
const single = ["package.json", "tsconfig.json", "tsconfig.build.json"];
const compiled = "compiled";
const patienceMs = 180_000;

/** @throws Error when the text does not stand exactly once in its file. */
export async function runMutation(mutation: Mutation): Promise<MutationResult> {
  const changed = await mutate(mutation);
  const { name, defence, file, family } = mutation;
  return { name, defence, ...(await inCopy({ [file]: changed }, (folder) => attack(folder, family))) };
}

/** @throws Error when the family's attacks do not all fail against the tree as it is: no verdict would mean anything then. */
export async function checkFamily(family: string): Promise<void> {
  const { verdict, by } = await inCopy({}, (folder) => attack(folder, family));
  if (verdict !== "survived") throw new Error(`without any mutation ${family} is ${verdict}: ${by}`);
}

/** Lends a copy of the working tree with other texts in some files. */
async function inCopy<T>(changes: Readonly<Record<string, string>>, work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "secretaria-mutation-"));
  try {
    for (const name of [...copied, ...single]) await cp(projectPath(name), join(folder, name), { recursive: true });
    await symlink(projectPath("node_modules"), join(folder, "node_modules"));
    for (const [file, text] of Object.entries(changes)) await writeFile(join(folder, file), text);
    await compile(folder);
    // The database server runs as an account of its own, and what a killed run leaves goes with the folder.
    await chmod(folder, 0o755);
    await mkdir(join(folder, "tmp"), { mode: 0o755 });
    return await work(folder);
  } finally {
    // A server that a killed run left behind may still be writing there when it notices.
    await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 300 });
  }
}

/** As `npm test` does it: what runs compiled starts its programs in a third of the time. */
async function compile(folder: string): Promise<void> {
  const compiler = projectPath("node_modules", "typescript", "bin", "tsc");
  const settings = ["--project", "test", "--outDir", compiled];
  await promisify(execFile)(process.execPath, [compiler, ...settings], { cwd: folder });
}

/** The file's text with the defect in it. @throws Error as above. */
export async function mutate({ name, file, from, to }: Mutation): Promise<string> {
  const text = await readFile(projectPath(file), "utf8");
  const parts = text.split(from);
  if (parts.length !== 2) throw new Error(`${name}: its text stands ${parts.length - 1} times in ${file}`);
  return parts.join(to);
}

type Event = readonly [
  what: string,
  details: { readonly title?: string; readonly err?: string; readonly failures?: number },
];

/** Runs the family's attacks, directly, until one gets through. */
async function attack(folder: string, family: string): Promise<Pick<MutationResult, "verdict" | "by">> {
  const settings = ["--no-config", "--require", `${compiled}/test/support/global.js`];
  const limits = ["--timeout", "60000", "--reporter", "json-stream", "--grep", `directly: ${family} `];
  const args = [
    "node_modules/mocha/bin/mocha.js",
    ...settings,
    ...limits,
    `${compiled}/test/isolation-attacks.test.js`,
  ];
  const child = spawn(process.execPath, args, {
    cwd: folder,
    env: { ...process.env, TMPDIR: join(folder, "tmp") },
    stdio: ["ignore", "pipe", "ignore"],
  });
  const lines = createInterface({ input: child.stdout });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  // A server that a failed set-up left behind holds the pipe open; what was written is read by then.
  void ended.then(() => setTimeout(() => lines.close(), 500));
  const impatience = setTimeout(() => child.kill("SIGTERM"), patienceMs);
  let broken: string | undefined;
  let passed = 0;
  let got: string | undefined;
  for await (const line of lines) {
    const [what, { title = "", err = "" }] = readEvent(line);
    if (what === "pass") passed += 1;
    if (what !== "fail") continue;
    if (title.includes(" hook ") || err.startsWith(brokenWorld)) broken ??= `${title}: ${err}`;
    else {
      got = title;
      child.kill("SIGTERM");
      break;
    }
  }
  await ended;
  clearTimeout(impatience);
  if (got !== undefined) return { verdict: "killed", by: got };
  if (broken === undefined && passed === 0) broken = "no attack was run";
  return broken === undefined
    ? { verdict: "survived", by: undefined }
    : { verdict: "closed", by: broken.slice(0, 200) };
}

/** What is no event is something that a test printed. */
function readEvent(line: string): Event {
  try {
    return JSON.parse(line) as Event;
  } catch {
    return ["", {}];
  }
}
