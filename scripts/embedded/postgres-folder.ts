/** PostgreSQL's data folder: made whole or not at all, and free of servers that a killed supervisor left behind. */
import { spawn } from "node:child_process";
import { chown, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { makeFolderFor } from "./postgres-account.ts";
import type { Account } from "./postgres-account.ts";
import type { PostgresBinaries } from "./postgres-binaries.ts";
import { readIfThere } from "./private-file.ts";
import { endLeftOver } from "./server-process.ts";
import type { ServerKind } from "./server-process.ts";

export type PostgresSetup = {
  binaries: PostgresBinaries;
  account: Account;
  kind: ServerKind;
  password: string;
  durable: boolean;
  onProgress: (message: string) => void;
  onLog: (line: string) => void;
};

/**
 * Makes the cluster with its database `secretaria` when there is none. It grows in a folder beside the real one, which is renamed when
 * all is done: an interrupted attempt never looks like a cluster, and the next one throws it away. Answers whether it was made now.
 */
export async function ensureCluster(setup: PostgresSetup): Promise<boolean> {
  const { account, onProgress } = setup;
  const { folder } = setup.kind;
  if (await stat(join(folder, "PG_VERSION")).catch(() => undefined)) return false;
  await clearTheWay(folder, onProgress);
  onProgress(`making a new PostgreSQL cluster in ${folder}`);
  const draft = `${folder}.new`;
  // An initdb whose supervisor was killed goes on for a while.
  await endLeftOver(kindFor(draft), undefined, onProgress);
  await rm(draft, { recursive: true, force: true });
  await makeFolderFor(account, draft);
  await runInitdb(setup, draft);
  await runAlone(setup, draft, "CREATE DATABASE secretaria;");
  await rename(draft, folder);
  return true;
}

/** Gives the superuser the password of this setup, for when the file that held it was lost. The server must not run. */
export async function resetPassword(setup: PostgresSetup): Promise<void> {
  setup.onProgress("the file with PostgreSQL's password was lost: a new password is set");
  await runAlone(setup, setup.kind.folder, `ALTER ROLE secretaria PASSWORD '${setup.password}';`);
}

/** PostgreSQL's signal for a fast shutdown is SIGINT. */
export function kindFor(folder: string): ServerKind {
  return { title: "PostgreSQL", name: "postgres", folder, stopSignal: "SIGINT" };
}

/** Busy backends of a postmaster that was killed go as well: their shared memory would stop the next start. */
export async function clearLeftOver({ kind, onProgress }: PostgresSetup): Promise<void> {
  await endLeftOver(kind, await readPid(kind.folder), onProgress);
}

async function readPid(folder: string): Promise<string | undefined> {
  return (await readIfThere(join(folder, "postmaster.pid")))?.split("\n")[0];
}

/** A folder that is no cluster is none of ours, so its content is put aside rather than deleted. */
async function clearTheWay(folder: string, onProgress: (message: string) => void): Promise<void> {
  const content = await readdir(folder).catch(() => undefined);
  if (!content) return;
  if (content.length === 0) return rm(folder, { recursive: true });
  const aside = `${folder}.unusable-${Date.now()}`;
  onProgress(`${folder} holds no PG_VERSION, so it is no PostgreSQL cluster: it was renamed to ${aside}`);
  await rename(folder, aside);
}

async function runInitdb({ binaries, account, password, durable }: PostgresSetup, draft: string): Promise<void> {
  const passwordFile = `${draft}.password`;
  await rm(passwordFile, { force: true });
  try {
    await writeFile(passwordFile, password, { mode: 0o600, flag: "wx" });
    if (account.ids.uid !== undefined && account.ids.gid !== undefined)
      await chown(passwordFile, account.ids.uid, account.ids.gid);
    await run(binaries.initdb, account, draft, [
      "-D",
      draft,
      `--pwfile=${passwordFile}`,
      "--username=secretaria",
      "--auth=scram-sha-256",
      "--encoding=UTF8",
      // PostgreSQL's own collation: an upgrade of the system's C library cannot corrupt the indexes.
      "--locale-provider=builtin",
      "--builtin-locale=C.UTF-8",
      "--locale=C",
      "--no-instructions",
      ...(durable ? [] : ["--no-sync"]),
    ]);
  } finally {
    await rm(passwordFile, { force: true });
  }
}

/** Runs one statement with PostgreSQL's single-user mode, which needs no password and opens no port. */
async function runAlone({ binaries, account, durable }: PostgresSetup, folder: string, sql: string): Promise<void> {
  const settings = ["-c", "exit_on_error=on", ...(durable ? [] : ["-c", "fsync=off"])];
  await run(binaries.postgres, account, folder, ["--single", "-D", folder, ...settings, "postgres"], `${sql}\n`);
}

function run(command: string, account: Account, cwd: string, args: string[], input = ""): Promise<void> {
  return new Promise((resolve, reject) => {
    const env = { PATH: process.env["PATH"], LC_ALL: "C", TZ: "UTC" };
    const child = spawn(command, args, { ...account.ids, env, cwd, detached: true });
    let output = "";
    child.stdout.on("data", (chunk) => (output += chunk));
    child.stderr.on("data", (chunk) => (output += chunk));
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${command} failed (code ${code}):\n${output.trim()}`));
    });
    // A program that ends before it has read its input is reported by its exit code, not by the broken pipe.
    child.stdin.on("error", () => undefined);
    child.stdin.end(input);
  });
}
