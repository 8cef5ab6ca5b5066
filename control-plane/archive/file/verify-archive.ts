/** Reads an archive back, all of it, and holds it against its own manifest. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { messageOf } from "../../../core/errors.ts";
import { ArchiveError } from "./archive-error.ts";
import { meterCsv } from "./csv-meter.ts";
import { csvName, manifestName, readManifest, type Manifest, type TableSum } from "./manifest.ts";
import type { ArchiveProgress } from "../progress.ts";
import { openZip, type ZipReader } from "./zip-reader.ts";

export interface VerifiedArchive {
  readonly manifest: Manifest;
  /** Of the file itself. */
  readonly bytes: number;
  readonly sha256: string;
  /** Of all tables. */
  readonly rows: number;
}

const longestManifest = 64 * 1024 * 1024;

/**
 * The manifest has its schema, the entries are those it names and no more, and each one's text has its length, its
 * SHA-256 and as many records as it says. Whoever can write the file can write another manifest, too: `sha256`, kept
 * elsewhere (tenant_archives has it), shows that.
 * @throws ArchiveError `archive-damaged`, `archive-unreadable`; ENOENT and the like as they are.
 */
export async function verifyArchive(
  path: string,
  {
    sha256: expected,
    onProgress,
  }: { readonly sha256?: string | undefined; readonly onProgress?: ArchiveProgress | undefined } = {},
): Promise<VerifiedArchive> {
  const sha256 = await hashFile(path);
  if (expected !== undefined && expected !== sha256)
    throw damaged(`the file's SHA-256 is ${sha256}, not ${expected}: it was changed or is another file`);
  const zip = await openZip(path);
  try {
    const manifest = await readManifestEntry(zip);
    refuseOtherEntries(zip, manifest);
    for (const [i, table] of manifest.tables.entries()) {
      await verifyTable(zip, table);
      onProgress?.({ step: "verify", table: table.name, done: i + 1, tables: manifest.tables.length, ...table });
    }
    const rows = manifest.tables.reduce((sum, table) => sum + table.rows, 0);
    return { manifest, bytes: (await stat(path)).size, sha256, rows };
  } finally {
    zip.close();
  }
}

/** @throws ENOENT and the like. */
export async function hashFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}

/** @throws ArchiveError when the entry is missing, too long, or no manifest. */
export async function readManifestEntry(zip: ZipReader): Promise<Manifest> {
  const chunks: Buffer[] = [];
  let length = 0;
  const text = await zip.open(manifestName);
  await asDamage(manifestName, async () => {
    for await (const chunk of text as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      length += chunk.length;
      if (length > longestManifest) throw damaged(`${manifestName} is longer than ${longestManifest} bytes`);
    }
  });
  return readManifest(Buffer.concat(chunks));
}

function refuseOtherEntries(zip: ZipReader, manifest: Manifest): void {
  const named = new Set([manifestName, ...manifest.tables.map(({ name }) => csvName(name))]);
  const there = new Set(zip.names);
  const missing = [...named].filter((name) => !there.has(name));
  const unknown = [...there].filter((name) => !named.has(name));
  if (missing.length > 0) throw damaged(`missing, though the manifest names it: ${missing.join(", ")}`);
  if (unknown.length > 0) throw damaged(`not named by the manifest: ${unknown.join(", ")}`);
}

async function verifyTable(zip: ZipReader, table: TableSum): Promise<void> {
  const name = csvName(table.name);
  const text = await zip.open(name);
  const meter = meterCsv();
  await asDamage(name, async () => {
    await pipeline(text, meter.stream, async (read: AsyncIterable<unknown>) => {
      for await (const _ of read);
    });
    refuseOtherSum(name, meter.sum(), table);
  });
}

/** @throws ArchiveError `archive-damaged` saying what differs. */
export function refuseOtherSum(
  name: string,
  found: Pick<TableSum, "rows" | "bytes" | "sha256">,
  wanted: Pick<TableSum, "rows" | "bytes" | "sha256">,
): void {
  const keys = ["rows", "bytes", "sha256"] as const;
  const differences = keys.filter((key) => found[key] !== wanted[key]);
  if (differences.length === 0) return;
  const told = differences.map((key) => `${key} ${found[key]} instead of ${wanted[key]}`).join(", ");
  throw damaged(`${name} is not what was written: ${told}`);
}

/** What reading an entry throws means damage, but for the file system's own errors. */
async function asDamage(name: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall !== undefined) throw error;
    const why = messageOf(error);
    throw damaged(why.includes(name) ? why : `${name} is not what was written: ${why}`, error);
  }
}

const damaged = (why: string, cause?: unknown): ArchiveError => new ArchiveError("archive-damaged", why, { cause });
