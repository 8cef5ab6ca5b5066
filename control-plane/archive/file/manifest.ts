/** What an archive says of itself: `manifest.json`, the last entry of the ZIP file. */
import { Readable } from "node:stream";
import { z } from "zod";
import { messageOf } from "../../../core/errors.ts";
import { ArchiveError } from "./archive-error.ts";

export const manifestName = "manifest.json";

/** Name of a table's entry. */
export const csvName = (table: string): string => `tables/${encodeURIComponent(table)}.csv`;

const formatVersion = 1;
const format = `secretaria-tenant/${formatVersion}`;

const count = z.int().min(0);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "must be 64 lower-case hexadecimal digits");
const name = z.string().min(1).max(63);

/** `bytes` and `sha256` are those of the CSV text, uncompressed; `rows` are its records without the header. */
const tableSchema = z.strictObject({ name, columns: z.array(name).min(1), rows: count, bytes: count, sha256 });

export const manifestSchema = z.strictObject({
  format: z.literal(format),
  purpose: z.enum(["export", "final"]),
  exportedAt: z.iso.datetime(),
  company: z.strictObject({
    id: z.int().min(1),
    uuid: z.uuid(),
    slug: z.string(),
    name: z.string(),
    domain: z.string(),
    plan: z.string(),
    locale: z.enum(["pt-BR", "en"]),
    modules: z.array(z.string()),
  }),
  /** Not kept in the registry: it would outlive the company there. */
  owner: z.strictObject({ name: z.string(), email: z.string() }),
  /** Names of the tenant migrations that the schema had, in order. */
  migrations: z.array(z.string()).min(1),
  /** Of the schema at that version: see core/migrations/fingerprint.ts. */
  fingerprint: sha256,
  tables: z
    .array(tableSchema)
    .refine((tables) => new Set(tables.map((table) => table.name)).size === tables.length, "names a table twice"),
  /** `lastValue` is text: a bigint does not fit a JSON number. */
  sequences: z.array(z.strictObject({ name, lastValue: z.string().regex(/^-?\d{1,19}$/), isCalled: z.boolean() })),
});

export type Manifest = z.output<typeof manifestSchema>;
export type TableSum = Manifest["tables"][number];
export type SequenceValue = Manifest["sequences"][number];

/** The manifest and its text in the file. */
export function writeManifest(content: Omit<Manifest, "format">): {
  readonly value: Manifest;
  readonly text: Readable;
} {
  const value: Manifest = { format, ...content };
  return { value, text: Readable.from([Buffer.from(`${JSON.stringify(value, null, 2)}\n`)]) };
}

/** @throws ArchiveError `archive-unreadable` for another format, `archive-damaged` naming every field that is not right. */
export function readManifest(bytes: Buffer): Manifest {
  const value = parseJson(bytes);
  const found = (value as { format?: unknown } | null)?.format;
  if (found !== format) {
    const other = typeof found === "string" ? `'${found.slice(0, 60)}'` : "no format";
    throw new ArchiveError("archive-unreadable", `the manifest names ${other}; this release reads '${format}'`);
  }
  const parsed = manifestSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
  throw new ArchiveError("archive-damaged", `${manifestName} is not right: ${problems.slice(0, 10).join("; ")}`);
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8")) as unknown;
  } catch (error) {
    throw new ArchiveError("archive-damaged", `${manifestName} is not JSON: ${messageOf(error)}`, { cause: error });
  }
}
