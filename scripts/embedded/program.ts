/** One of our own programs as a child of the supervisor. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { signal } from "./processes.ts";

/** What a program says over IPC when it serves, e.g. `{ type: "ready", port: 4000 }`. */
export type Ready = { type: "ready"; [detail: string]: unknown };

export type Program = {
  readonly name: string;
  readonly pid: number;
  readonly ready: Ready;
  /** Sends the signal and resolves when the process is gone. Gone already is success. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** SIGTERM, and after 15 s SIGKILL. Gone already is success. */
  stop(): Promise<void>;
};

export type ProgramOptions = {
  name: string;
  /** Path of the program's file: `.ts` runs by tsx, `.js` as it is. */
  entry: string;
  /** The whole environment of the child. */
  env: Readonly<Record<string, string | undefined>>;
  /** Once, when a program that had become ready ends, for whatever reason; `asked` when by `kill` or `stop`. */
  onExit?: ((end: { code: number | null; signal: NodeJS.Signals | null; asked: boolean }) => void) | undefined;
  /** Every line of its output. Absent: standard error, with the program's name in front. */
  onLog?: ((line: string) => void) | undefined;
  /** Default 60,000. */
  readyWithinMs?: number | undefined;
};

/**
 * Starts the program in a process group of its own, so that a terminal's Ctrl-C reaches the supervisor only; the program itself ends
 * when its IPC channel closes. Resolves when it says it is ready.
 * @throws Error with its last lines, when it ends first or is not ready in time; then no process is left.
 */
export async function startProgram(options: ProgramOptions): Promise<Program> {
  const { name, onExit } = options;
  const child = spawn(process.execPath, programArguments(options.entry), {
    env: options.env,
    detached: true,
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  const lastLines = relayLines(child, options.onLog ?? ((line) => process.stderr.write(`${name}: ${line}\n`)));
  const exited = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
  const ready = await waitForReady(child, options, lastLines);
  const pid = child.pid ?? 0;
  let asked = false;
  child.once("exit", (code, by) => onExit?.({ code, signal: by, asked }));
  if (child.exitCode !== null || child.signalCode !== null)
    onExit?.({ code: child.exitCode, signal: child.signalCode, asked });

  const kill = async (how: NodeJS.Signals) => {
    asked = true;
    send(child, how);
    await exited;
  };
  const stop = async () => {
    const insist = setTimeout(() => send(child, "SIGKILL"), 15_000);
    await kill("SIGTERM").finally(() => clearTimeout(insist));
  };
  return { name, pid, ready, kill, stop };
}

/**
 * Returns node's arguments that run a program: `.ts` by tsx, `.js` as it is. tsx is named by its address, because
 * `--import tsx` is resolved from the folder in which the child is started.
 */
export function programArguments(entry: string): string[] {
  return entry.endsWith(".js")
    ? [entry]
    : ["--import", pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href, entry];
}

async function waitForReady(child: ChildProcess, options: ProgramOptions, lastLines: () => string): Promise<Ready> {
  const { name, readyWithinMs = 60_000 } = options;
  let timer: NodeJS.Timeout | undefined;
  const outcome = await new Promise<Ready | string>((resolve) => {
    child.on("message", (message) => {
      if (isReady(message)) resolve(message);
    });
    child.once("error", (error) => resolve(`does not start: ${error.message}`));
    child.once("close", (code, by) => resolve(`ended before it was ready (${by ?? `code ${code}`})`));
    // Without this a grandchild that keeps the output open would hide that the program is gone.
    child.once("exit", (code, by) =>
      setTimeout(() => resolve(`ended before it was ready (${by ?? `code ${code}`})`), 500).unref(),
    );
    timer = setTimeout(() => resolve(`was not ready within ${readyWithinMs / 1000} s`), readyWithinMs);
  }).finally(() => clearTimeout(timer));
  if (typeof outcome !== "string") return outcome;
  if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) {
    const gone = new Promise((resolve) => child.once("exit", resolve));
    send(child, "SIGKILL");
    await gone;
  }
  throw new Error(`${name} ${outcome}:\n${lastLines()}`);
}

function isReady(message: unknown): message is Ready {
  return typeof message === "object" && message !== null && "type" in message && message.type === "ready";
}

function relayLines(child: ChildProcess, onLog: (line: string) => void): () => string {
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    if (!stream) continue;
    createInterface({ input: stream }).on("line", (line) => {
      lines.push(line);
      if (lines.length > 20) lines.shift();
      onLog(line);
    });
  }
  return () => lines.join("\n");
}

/** SIGKILL goes to the whole group, since a program that dies so cannot end its own helpers. */
function send(child: ChildProcess, how: NodeJS.Signals): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  signal(how === "SIGKILL" ? -child.pid : child.pid, how);
}
