/** Archives as a test takes them apart and puts them together again. */
import { spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import type { Readable } from "node:stream";
import { ZipFile } from "yazl";
import { openZip } from "../../control-plane/archive/file/zip-reader.ts";
import { projectPath } from "../../core/paths.ts";
import type { Platform } from "./platform.ts";

export interface Ran {
  readonly status: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** `npm run tenant`, without stopping the platform of this process meanwhile. */
export async function runTenant(platform: Platform, args: string[], env: Record<string, string> = {}): Promise<Ran> {
  const { DATABASE_URL, REDIS_URL, MASTER_KEY, DATA_DIR } = platform.config;
  const child = spawn(process.execPath, ["--import", "tsx", projectPath("scripts/tenant.ts"), ...args], {
    env: { PATH: process.env["PATH"], DATABASE_URL, REDIS_URL, MASTER_KEY, DATA_DIR, LEASE_SECONDS: "1", ...env },
  });
  const [stdout, stderr, [status, signal]] = await Promise.all([
    child.stdout.toArray(),
    child.stderr.toArray(),
    new Promise<[number | null, string | null]>((resolve) => child.once("close", (...end) => resolve(end))),
  ]);
  return { status, signal, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() };
}

/** All entries' contents by name. */
export async function readEntries(path: string): Promise<Map<string, Buffer>> {
  const zip = await openZip(path);
  const entries = new Map<string, Buffer>();
  for (const name of zip.names) entries.set(name, Buffer.concat(await (await zip.open(name)).toArray()));
  zip.close();
  return entries;
}

/** A sound ZIP file of these entries. */
export async function writeEntries(path: string, entries: ReadonlyMap<string, Buffer>): Promise<void> {
  const zip = new ZipFile();
  for (const [name, content] of entries) zip.addBuffer(content, name);
  zip.end();
  await pipeline(zip.outputStream as Readable, createWriteStream(path));
}
