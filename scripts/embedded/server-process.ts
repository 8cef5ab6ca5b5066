/** The process of an embedded server: launched until it serves, ended, killed. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import { listChildren, listWorkingIn, signal, waitUntilGone, worksIn } from "./processes.ts";

export type ServerKind = {
  /** As people call it. */
  title: string;
  /** Part of the name of its processes. */
  name: string;
  /** Data folder, in which the server and all its children work. */
  folder: string;
  /** What ends it in good order. */
  stopSignal: NodeJS.Signals;
};

export type Launched = { pid: number; exited: Promise<string> };

type Launch = {
  command: string;
  args: string[];
  uid?: number;
  gid?: number;
  /** Its own word that it serves. The port alone proves nothing: a stranger may have been faster. */
  readyLine: RegExp;
  /** Proves that callers get in; its failure is the launch's. */
  greet(): Promise<void>;
  onLog: (line: string) => void;
};

/**
 * Starts the server in a process group of its own, so that a terminal's Ctrl-C reaches the supervisor only, and with nothing of our
 * environment, which holds secrets. Resolves when it serves, however long it has to recover first.
 * @throws Error with its last lines; then no process is left.
 */
export async function launchServer(kind: ServerKind, launch: Launch): Promise<Launched> {
  const { command, args, uid, gid } = launch;
  const child = spawn(command, args, {
    ...(uid !== undefined && { uid }),
    ...(gid !== undefined && { gid }),
    cwd: kind.folder,
    env: { PATH: process.env["PATH"], LC_ALL: "C", TZ: "UTC" },
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exited = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("exit", (code, by) => resolve(by ? `ended by ${by}` : `ended with code ${code}`));
  });
  const lastLines: string[] = [];
  const ready = new Promise<"ready">((resolve) => {
    onLine(child, (line) => {
      if (lastLines.push(line) > 20) lastLines.shift();
      if (launch.readyLine.test(line)) resolve("ready");
      launch.onLog(line);
    });
  });
  const outcome = await Promise.race([ready, exited]);
  if (outcome !== "ready" || child.pid === undefined) {
    await outputEnd(child);
    throw new Error(`${kind.title} did not start (${outcome}):\n${lastLines.join("\n")}`);
  }
  await launch.greet().catch(async (error: unknown) => {
    if (child.pid !== undefined) await endServer(child.pid, kind);
    throw error;
  });
  return { pid: child.pid, exited };
}

/** Asks the server to stop and insists after 30 s. */
export async function endServer(pid: number, kind: ServerKind): Promise<void> {
  signal(pid, kind.stopSignal);
  if (!(await waitUntilGone([pid], 30_000))) await killServer(pid, kind);
}

/** The server is frozen before its children are listed: it can make no new one between the list and the blow. */
export async function killServer(pid: number, kind: ServerKind): Promise<void> {
  signal(pid, "SIGSTOP");
  const [children, others] = await Promise.all([listChildren(pid), listWorkingIn(kind.folder, kind.name)]);
  const family = new Set([pid, ...children, ...others]);
  for (const member of family) signal(member, "SIGKILL");
  if (!(await waitUntilGone([...family], 10_000))) {
    throw new Error(
      `Processes ${[...family].join(", ")} (${kind.title} in ${kind.folder}) do not end, even after SIGKILL.`,
    );
  }
}

/**
 * Ends what a supervisor that was killed left running in this folder, and nothing else: the server that its pid file names in good
 * order, then the children that outlived their server. A pid file that names a stranger or nobody does no harm.
 */
export async function endLeftOver(
  kind: ServerKind,
  recordedPid: string | undefined,
  onProgress: (message: string) => void,
): Promise<void> {
  const pid = Number.parseInt(recordedPid ?? "", 10);
  if (pid > 1 && (await worksIn(pid, kind.folder, kind.name))) {
    onProgress(`stopping ${kind.title} (pid ${pid}), left running by a supervisor that was killed`);
    await endServer(pid, kind);
  }
  for (const orphan of await listWorkingIn(kind.folder, kind.name)) await killServer(orphan, kind);
}

function onLine(child: ChildProcess, hear: (line: string) => void): void {
  for (const input of [child.stdout, child.stderr]) {
    if (input) createInterface({ input }).on("line", hear);
  }
}

/** The last words may still be on their way when the process is gone; a grandchild that keeps the pipe open holds nothing up. */
function outputEnd(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once("close", () => resolve());
    setTimeout(resolve, 300);
  });
}
