/** Questions about processes that need not be our children: alive? since when? working where? */
import { execFile } from "node:child_process";
import { readdir, readFile, readlink, realpath } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

const execute = promisify(execFile);
const linux = process.platform === "linux";

/** A zombie counts as gone: in a container whose pid 1 reaps nobody it would otherwise live for ever. */
export async function isAlive(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
  const fields = await statFields(pid);
  return !linux || (fields !== undefined && fields[0] !== "Z" && fields[0] !== "X");
}

/** Held by SIGSTOP: alive, and not one instruction further until it gets SIGCONT. */
export async function isStopped(pid: number): Promise<boolean> {
  const state = linux ? (await statFields(pid))?.[0] : await ask("ps", ["-p", String(pid), "-o", "state="]);
  return state?.startsWith("T") ?? false;
}

/** Text that tells this process from any other that had or will have the same pid; undefined when there is none. */
export async function identityOf(pid: number): Promise<string | undefined> {
  if (!linux) return ask("ps", ["-p", String(pid), "-o", "lstart="]);
  const fields = await statFields(pid);
  const boot = await readFile("/proc/sys/kernel/random/boot_id", "utf8").catch(() => "");
  return fields && `${boot.trim()}/${fields[19]}`;
}

/**
 * Is this pid a program called `name` that works in `folder`? Both servers chdir into their data folder, so this holds for the
 * processes of that one server, and never for a stranger who inherited the pid. Root in a container may not be allowed to see the
 * working folder of another user's process; then the folder must be one of its arguments.
 */
export async function worksIn(pid: number, folder: string, name: string): Promise<boolean> {
  if (!(await isAlive(pid))) return false;
  const [place, real, command] = await Promise.all([
    workingFolder(pid),
    realpath(folder).catch(() => folder),
    commandOf(pid),
  ]);
  if (!command.includes(name)) return false;
  return place === undefined ? command.split(/[\0\n]/).includes(folder) : place === real;
}

/** Every process called `name` that works in `folder`, also orphans of a dead server. Without /proc none is found. */
export async function listWorkingIn(folder: string, name: string): Promise<number[]> {
  const pids = await listPids();
  const mine = await Promise.all(pids.map((pid) => worksIn(pid, folder, name)));
  return pids.filter((_, index) => mine[index]);
}

export async function listChildren(parent: number): Promise<number[]> {
  if (!linux) {
    const table = (await ask("ps", ["-A", "-o", "pid=,ppid="])) ?? "";
    const rows = table.split("\n").map((line) => line.trim().split(/\s+/).map(Number));
    return rows.filter((row) => row[1] === parent).flatMap(([pid]) => pid ?? []);
  }
  const pids = await listPids();
  const fields = await Promise.all(pids.map(statFields));
  return pids.filter((_, index) => Number(fields[index]?.[1]) === parent);
}

/** True when all are gone within the time. */
export async function waitUntilGone(pids: readonly number[], milliseconds: number): Promise<boolean> {
  const deadline = Date.now() + milliseconds;
  for (;;) {
    const alive = await Promise.all(pids.map(isAlive));
    if (!alive.includes(true)) return true;
    if (Date.now() > deadline) return false;
    await sleep(10);
  }
}

/** Sends a signal; a process that is gone already is no error. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** The fields of /proc/<pid>/stat after the command, which may itself hold blanks and brackets: state is 0, start time 19. */
async function statFields(pid: number): Promise<string[] | undefined> {
  if (!linux) return undefined;
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  return text?.slice(text.lastIndexOf(")") + 2).split(" ");
}

async function commandOf(pid: number): Promise<string> {
  if (linux) return readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  return (await ask("ps", ["-p", String(pid), "-o", "command="])) ?? "";
}

async function workingFolder(pid: number): Promise<string | undefined> {
  if (linux) return readlink(`/proc/${pid}/cwd`).catch(() => undefined);
  const lines = (await ask("lsof", ["-a", "-p", String(pid), "-d", "cwd", "-Fn"]))?.split("\n") ?? [];
  return lines.find((line) => line.startsWith("n"))?.slice(1);
}

async function listPids(): Promise<number[]> {
  return linux ? (await readdir("/proc")).map(Number).filter(Number.isInteger) : [];
}

async function ask(command: string, args: string[]): Promise<string | undefined> {
  const answer = await execute(command, args).catch(() => undefined);
  return answer?.stdout.trim() || undefined;
}
