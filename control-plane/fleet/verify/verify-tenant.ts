import type { Fact, Fingerprint } from "../../../core/migrations/fingerprint.ts";
import { nameOf, unknownVersion } from "../../../core/migrations/version.ts";
import { schemaName } from "../../../core/tenant.ts";
import { describeChange, findChanges, inSchema, type Change, type Difference } from "./drift.ts";
import type { SchemaReader, SchemaSummary } from "./schema-reader.ts";

/**
 * `ok`: at head, and as the migrations make it. `behind`: the same of an older version. `drifted`: not what its version
 * makes. `missing`: the schema is not there. `unknown`: there is nothing to hold it against, or it could not be read.
 */
export type VerifyStatus = "ok" | "behind" | "drifted" | "missing" | "unknown";

export interface Verdict {
  readonly tenant: number;
  readonly schema: string;
  readonly status: VerifyStatus;
  /** As the registry has it. */
  readonly version: string | null;
  /** Of `missing`, `unknown`, and of what is drifted and behind. */
  readonly reason?: string;
  readonly differences: readonly Difference[];
}

/** A verdict with what only this process needs: the changes as facts, and the fingerprint that was found. */
export interface Examination {
  readonly verdict: Verdict;
  readonly changes: readonly Change[];
  /** Everything that should be there; only of what is drifted. */
  readonly expected?: readonly Fact[];
  readonly hash?: string;
}

export interface References {
  readonly head: string;
  readonly databaseUrl: string;
  /** Major version of the server. */
  readonly server: number;
  /** Undefined for a version that these files never made. */
  of(version: string): Promise<Reference | undefined>;
}

export interface Reference extends Fingerprint {
  /** As in SchemaSummary; only of this database. */
  readonly quick: string | null;
}

const mostAttempts = 3;

/** Changes nothing. What is migrated meanwhile is looked at again. @throws what says that the database is lost. */
export async function verifyTenant(reader: SchemaReader, references: References, id: number): Promise<Examination> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const examination = await examine(reader, references, id);
      if (examination !== undefined) return examination;
      if (attempt === mostAttempts)
        return unread(id, "its schema changed every time it was looked at; verify it again");
    } catch (error) {
      const { code, message } = error as { code?: string; message: string };
      // Locked by a migration, or dropped or changed between the catalog's row and its text.
      if (code === undefined || !["55P03", "XX000", "42P01", "3F000"].includes(code)) throw error;
      if (attempt === mostAttempts) return unread(id, `it could not be read (${message}); verify it again`);
    }
  }
}

/** Undefined when it became another between two looks. */
async function examine(reader: SchemaReader, references: References, id: number): Promise<Examination | undefined> {
  const summary = await reader.summarise(id);
  const base = { tenant: id, schema: schemaName(id), version: summary.version, differences: [] };
  const problem = problemOf(summary);
  if (problem !== undefined) return { verdict: { ...base, ...problem }, changes: [] };
  const version = summary.version as string;
  const reference = await references.of(version);
  if (reference === undefined)
    return { verdict: { ...base, status: "unknown", reason: strange(version) }, changes: [] };
  const behind = version === references.head ? {} : { reason: `behind: held against ${nameOf(version)}` };
  const fine = { ...base, status: version === references.head ? ("ok" as const) : ("behind" as const) };
  if (summary.quick !== null && summary.quick === reference.quick) {
    return { verdict: fine, changes: [], hash: reference.hash };
  }
  const { hash, version: stillThat } = await reader.readHash(id);
  if (stillThat !== version) return undefined;
  if (hash === reference.hash) return { verdict: fine, changes: [], hash };
  const found = await reader.readFacts(id);
  const expected = inSchema(reference.facts, base.schema);
  const changes = findChanges(expected, inSchema(found.facts, base.schema));
  if (found.version !== version || changes.length === 0) return undefined;
  const differences = changes.flatMap(describeChange);
  return { verdict: { ...base, status: "drifted", ...behind, differences }, changes, expected, hash };
}

function problemOf({ version, exists, isOwn }: SchemaSummary): Pick<Verdict, "status" | "reason"> | undefined {
  if (!exists)
    return { status: "missing", reason: "there is no such schema: restore it from a backup, or import an export" };
  if (version === null)
    return { status: "unknown", reason: "the registry knows no version of it; migrate it by itself" };
  if (!isOwn) return { status: "unknown", reason: "the schema carries another mark, so it was not read" };
  if (version === unknownVersion) {
    return { status: "unknown", reason: "its history was not read yet; migrate it, then verify it" };
  }
  return undefined;
}

const strange = (version: string): string =>
  `these files never made its version ${version}: a newer release did, or a file was edited`;

function unread(id: number, reason: string): Examination {
  const verdict = {
    tenant: id,
    schema: schemaName(id),
    status: "unknown",
    version: null,
    reason,
    differences: [],
  } as const;
  return { verdict, changes: [] };
}
