/**
 * PostgreSQL and Redis for a run, in a temporary folder that is gone afterwards: a pair for each mocha worker, so that
 * files which run side by side share no roles, locks, queues or settings.
 */
import { execFile } from "node:child_process";
import { rmSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readdir, rm, statfs } from "node:fs/promises";
import { freemem, tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { createSecrets } from "../../core/secrets.ts";
import { setUpDatabase } from "../../core/setup.ts";
import { startServers, type Servers } from "../../scripts/embedded/stack.ts";
import { ensureSystemPackage } from "../../scripts/embedded/system-packages.ts";
import { endWithProcess } from "./orphans.ts";
import { chromiumPackage, pgbouncerPackage } from "./packages.ts";
import { printLogOfFailures } from "./program-log.ts";
import { databaseNumbers, masterKey, runQuery, serversVariable, shared, templateDatabase } from "./servers.ts";

export const mochaHooks = printLogOfFailures;

const running: Servers[] = [];
let folder: string;

export async function mochaGlobalSetup(): Promise<void> {
  const workers = Number(process.env["TEST_JOBS"] ?? 1);
  folder = await mkdtemp(join(await roomyFolder(), "secretaria-test-"));
  // PostgreSQL runs as an account of its own, which passes through.
  await chmod(folder, 0o711);
  await openScratch(join(folder, "tmp"));
  // With files side by side mocha hangs after a Ctrl-C. The workers end when this process does.
  if (workers > 1) process.once("SIGINT", () => process.exit(130));
  // Workers side by side would install them at the same time, which apt refuses.
  if (workers > 1) for (const wanted of [chromiumPackage, pgbouncerPackage]) await ensureSystemPackage(wanted);
  const [first = "", ...others] = Array.from({ length: workers }, (_, worker) => join(folder, String(worker)));
  await makeTemplate(first);
  // Copying a cluster costs a tenth of making one.
  for (const other of others) await promisify(execFile)("cp", ["-Rp", first, other]);
  running.push(...(await Promise.all([first, ...others].map(startPair))));
  const urls = running.map(({ databaseUrl, redisUrl }) => ({ databaseUrl, redisUrl }));
  Object.assign(shared, urls[0]);
  process.env[serversVariable] = JSON.stringify(urls);
  // After the listeners that end the servers: an interrupted run leaves nothing behind either.
  process.once("exit", () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
}

export async function mochaGlobalTeardown(): Promise<void> {
  await Promise.all(running.map((servers) => servers.stop()));
  const left = (await readdir(tmpdir())).filter(
    (name) => !/^(tsx-|playwright|org\.chromium|\.org\.chromium)/.test(name),
  );
  await rm(folder, { recursive: true, force: true });
  if (left.length > 0) throw new Error(`tests left files behind: ${left.join(", ")}`);
}

const enoughBytes = 6 * 2 ** 30;

/** Tenants are hundreds of files each: in memory they are made and removed for half of the processor time. */
async function roomyFolder(): Promise<string> {
  const memory = "/dev/shm";
  const space = await statfs(memory).catch(() => undefined);
  const isRoomy = space !== undefined && Math.min(space.bavail * space.bsize, freemem()) > enoughBytes;
  return isRoomy ? memory : tmpdir();
}

/** What tests make in the system's temporary folder lies here: it is seen when it stays, and goes with the run. */
async function openScratch(path: string): Promise<void> {
  await mkdir(path);
  await chmod(path, 0o1777);
  process.env["TMPDIR"] = path;
}

/** The servers' folder, with the migrated database that test databases are cloned from. Nothing runs on it afterwards. */
async function makeTemplate(dataDir: string): Promise<void> {
  const servers = await startPair(dataDir);
  try {
    await runQuery(servers.databaseUrl, `CREATE SEQUENCE ${databaseNumbers}`);
    await runQuery(servers.databaseUrl, `CREATE DATABASE ${templateDatabase}`);
    const template = new URL(servers.databaseUrl);
    template.pathname = `/${templateDatabase}`;
    await setUpDatabase(template.toString(), createSecrets(Buffer.from(masterKey, "base64")));
  } finally {
    await servers.stop();
  }
}

const startPair = async (dataDir: string): Promise<Servers> =>
  endWithProcess(await startServers({ dataDir, config: {}, durable: false }));
