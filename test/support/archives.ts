/** Archives as a test takes them apart and puts them together again. */
import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import type { Readable } from "node:stream";
import { ZipFile } from "yazl";
import { openZip } from "../../control-plane/archive/file/zip-reader.ts";
import { runCli, type CliResult } from "./cli.ts";
import type { Platform } from "./platform.ts";

/** `npm run tenant`, whose leases end soon after it was killed. */
export const runTenant = (platform: Platform, args: string[], env: Record<string, string> = {}): Promise<CliResult> =>
  runCli("scripts/tenant", args, { platform, env: { LEASE_SECONDS: "1", ...env } });

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
