/** Our own programs as children of a test. How a program is run is decided here and nowhere else in the tests. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { programPath } from "../../core/paths.ts";
import { programArguments as argumentsOfFile } from "../../scripts/embedded/program.ts";
import type { Platform } from "./platform.ts";
import { keepLine } from "./program-log.ts";
import { until } from "./wait.ts";

/**
 * Returns node's arguments that run one of our own programs.
 * @param path of the program in the project, without an extension: `scripts/tenant`.
 */
export const programArguments = (path: string): string[] => argumentsOfFile(programPath(...path.split("/")));

/** Returns node's arguments without which an inline script cannot import our own modules. */
export const loaderArguments = (): string[] => programArguments("scripts/start").slice(0, -1);

export interface CliOptions {
  /** The program gets this platform's servers, master key and data folder, and otherwise PATH and `env` only. */
  readonly platform?: Pick<Platform, "config"> | undefined;
  /** Absent, as `platform` too: the environment of this process. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
}

export interface RunOptions extends CliOptions {
  /** Default: 50. */
  readonly timeoutSeconds?: number;
}

export interface CliResult {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Lines of standard output. */
  readonly lines: readonly string[];
  /** Returns the objects of the lines that begin with `{`. */
  events(): Record<string, any>[];
  /** Returns standard output as one JSON document. @throws Error with everything printed when it is none. */
  json(): any;
}

export interface RunningCli {
  readonly child: ChildProcess;
  /** Returns what it has printed so far on both streams. */
  output(): string;
  /** Resolves when it has ended and all its output was read. */
  readonly ended: Promise<CliResult>;
  /** @throws Error with its output when it has ended: for a test that awaits what the program brings about. */
  checkRunning(): void;
  /** Waits for output that matches. @throws Error at once when the program ends without it. */
  prints(pattern: RegExp, wait?: { seconds?: number }): Promise<string>;
  /** Sends the signal and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<CliResult>;
}

const defaultTimeoutSeconds = 50;
/** How long a program that took too long has for its clean-up, before SIGKILL. */
const cleanUpMs = 5_000;

/** Runs a program to its end. @throws Error with what it had printed when that takes longer than `timeoutSeconds`. */
export function runCli(program: string, args: readonly string[], options: RunOptions = {}): Promise<CliResult> {
  return runToEnd([program, ...args].join(" "), startCli(program, args, options), options);
}

/** Runs a line as a person copies it into a shell, to its end. @throws Error as `runCli`. */
export function runShell(line: string, options: RunOptions = {}): Promise<CliResult> {
  return runToEnd(line, startChild(line, { file: "/bin/sh", args: ["-c", line] }, options), options);
}

async function runToEnd(
  command: string,
  running: RunningCli,
  { timeoutSeconds = defaultTimeoutSeconds }: RunOptions,
): Promise<CliResult> {
  let timer: NodeJS.Timeout | undefined;
  const isLate = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), timeoutSeconds * 1000);
  });
  const result = await Promise.race([running.ended, isLate]).finally(() => clearTimeout(timer));
  if (result !== undefined) return result;
  await terminate(running.child);
  throw new Error(`${command} did not end in ${timeoutSeconds} s; it had printed:\n${running.output()}`);
}

/** Starts a program for a test that signals it, or looks at it while it runs. It ends with this process at the latest. */
export function startCli(program: string, args: readonly string[] = [], options: CliOptions = {}): RunningCli {
  return startChild(program, { file: process.execPath, args: [...programArguments(program), ...args] }, options);
}

function startChild(
  name: string,
  { file, args }: { file: string; args: readonly string[] },
  options: CliOptions,
): RunningCli {
  const child = spawn(file, args, { env: environmentOf(options), stdio: ["ignore", "pipe", "pipe"] });
  endWithThisProcess(child);
  const printed = { stdout: "", stderr: "", both: "" };
  for (const stream of ["stdout", "stderr"] as const)
    child[stream].setEncoding("utf8").on("data", (text: string) => {
      printed[stream] += text;
      printed.both += text;
      keepLine(`${name}: ${text.trimEnd()}`);
    });
  const ended = new Promise<CliResult>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (status, signal) => resolve(resultOf({ status, signal, ...printed })));
  });
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  const checkRunning = () => {
    if (hasEnded()) throw new Error(`${name} ended with ${child.exitCode ?? child.signalCode}:\n${printed.both}`);
  };
  return {
    child,
    output: () => printed.both,
    ended,
    checkRunning,
    async prints(pattern, wait = {}) {
      const look = async () => {
        if (hasEnded()) await ended;
        if (!pattern.test(printed.both)) checkRunning();
        return printed.both;
      };
      return until(look, (text) => pattern.test(text), { what: `${String(pattern)} of ${name}`, ...wait });
    },
    async stop(signal = "SIGTERM") {
      child.kill(signal);
      return ended;
    },
  };
}

function environmentOf({ platform, env }: CliOptions): NodeJS.ProcessEnv {
  if (platform === undefined && env === undefined) return process.env;
  const PATH = process.env["PATH"];
  if (platform === undefined) return { PATH, ...env };
  const { DATABASE_URL, REDIS_URL, MASTER_KEY, DATA_DIR } = platform.config;
  return { PATH, DATABASE_URL, REDIS_URL, MASTER_KEY, DATA_DIR, ...env };
}

type Ended = Pick<CliResult, "status" | "signal" | "stdout" | "stderr">;

function resultOf({ status, signal, stdout, stderr }: Ended): CliResult {
  const lines = stdout === "" ? [] : stdout.replace(/\n$/, "").split("\n");
  return {
    status,
    signal,
    stdout,
    stderr,
    lines,
    events: () => lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line)),
    json() {
      try {
        return JSON.parse(stdout);
      } catch (cause) {
        throw new Error(`not JSON (status ${status}):\n${stdout}${stderr}`, { cause });
      }
    },
  };
}

/** SIGTERM, and SIGKILL when the clean-up takes too long. What a grandchild still holds open is not read any more. */
async function terminate(child: ChildProcess): Promise<void> {
  const gone = once(child, "exit");
  child.kill("SIGTERM");
  const insist = setTimeout(() => child.kill("SIGKILL"), cleanUpMs);
  await gone.finally(() => clearTimeout(insist));
  child.stdout?.destroy();
  child.stderr?.destroy();
}

const alive = new Set<ChildProcess>();
process.once("exit", () => alive.forEach((child) => child.kill("SIGKILL")));

function endWithThisProcess(child: ChildProcess): void {
  alive.add(child);
  child.once("exit", () => alive.delete(child));
}
