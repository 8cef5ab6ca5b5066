/** The shape of a schema as facts: two schemas made in different ways are the same when their facts are. */
import type { Knex } from "../db.ts";
import { shapeQuery } from "./shape-query.ts";

/** One thing that is in a schema, and how it is. */
export interface Fact {
  /** `table`, `column`, `constraint`, `index`, `sequence`, `function`, `type`, `trigger`, `policy`, `grant` or `partition`. */
  readonly kind: string;
  /** Its name, once in its kind: `customers`, `customers.email`, `customers PUBLIC SELECT`. */
  readonly object: string;
  readonly is: Readonly<Record<string, FactValue>>;
}

export type FactValue = string | boolean | number | null;

export interface Fingerprint {
  /** SHA-256 of all facts, hex; made by the server, so that a fleet is compared without reading its facts. */
  readonly hash: string;
  /** Sorted. Monthly partitions are left out: they differ by the date a tenant was made. */
  readonly facts: readonly Fact[];
  /** The same, each as one line to read. */
  readonly lines: readonly string[];
}

/**
 * Reads a schema's catalog. The schema's own name and its tenant's role both become `<schema>`.
 * @param more see `shapeQuery`
 */
export async function schemaFingerprint(db: Knex, schema: string, more = ""): Promise<Fingerprint> {
  const { rows } = await db.raw<{ rows: { hash: string; facts: string }[] }>(
    `${shapeQuery("?", more)}
     SELECT ${factsHash} AS hash, ${factsJson} AS facts FROM facts`,
    [schema],
  );
  const facts = JSON.parse(rows[0]?.facts ?? "[]") as Fact[];
  return { hash: rows[0]?.hash ?? "", facts, lines: facts.map(factLine) };
}

/** Of rows `kind`, `object`, `body`. */
export const factsHash = String.raw`encode(sha256(convert_to(coalesce(string_agg(kind || ' ' || object || ' ' || body, E'\n'
  ORDER BY kind, object COLLATE "C", body COLLATE "C"), ''), 'UTF8')), 'hex')`;

/** The same rows as the text of a list of `Fact`. */
export const factsJson = `coalesce('[' || string_agg(format('{"kind":%s,"object":%s,"is":%s}', to_jsonb(kind), to_jsonb(object), body), ','
  ORDER BY kind, object COLLATE "C", body COLLATE "C") || ']', '[]')`;

/** Lines that only one of two fingerprints has, `-` for the expected one and `+` for the other; empty when they agree. */
export function fingerprintDiff(expected: Fingerprint, actual: Fingerprint): string[] {
  const has = new Set(actual.lines);
  const wanted = new Set(expected.lines);
  return [
    ...expected.lines.filter((line) => !has.has(line)).map((line) => `- ${line}`),
    ...actual.lines.filter((line) => !wanted.has(line)).map((line) => `+ ${line}`),
  ];
}

/** `column customers.email text default=''::text notnull=true`; two facts that differ have two lines. */
export function factLine({ kind, object, is }: Fact): string {
  if (rights.has(kind)) return `${kind} ${object}${is["option"] === true ? " WITH GRANT OPTION" : ""}`;
  const plain = ["type", "definition"].flatMap((name) => is[name] ?? []);
  const named = Object.entries(is)
    .filter(([name, value]) => value !== null && !told.has(name))
    .map(([name, value]) => `${name}=${value}`);
  return [kind, object, ...plain, ...named].join(" ");
}

/** What they are is in their `object`. */
const rights = new Set(["grant", "owner", "default privilege", "role", "member"]);

/** Parts of `object` once more, for who writes SQL about it, and what is in the line already. */
const told = new Set(["on", "name", "class", "type", "definition", "month", "wanted"]);
