import type { Knex } from "../../../core/db.ts";
import type { FleetContext } from "../fleet-context.ts";
import { withReferences } from "./references.ts";
import { withSchemaReader, type SchemaReader } from "./schema-reader.ts";
import { verifyTenant, type References, type Verdict, type VerifyStatus } from "./verify-tenant.ts";

export interface VerifyOptions {
  /** Only these; absent: every schema that should be there, of companies and made ahead. */
  readonly tenants?: readonly number[] | undefined;
  /** Connections at once; absent: 4. */
  readonly concurrency?: number | undefined;
  /** Every verdict, as it is made and in no order. */
  readonly onVerdict?: ((verdict: Verdict) => void) | undefined;
  readonly onProgress?: ((progress: VerifyProgress) => void) | undefined;
}

export type VerifyCounts = Readonly<Record<VerifyStatus, number>>;

export interface VerifyProgress {
  readonly done: number;
  /** Counted at the beginning: companies come and go. */
  readonly total: number;
  readonly counts: VerifyCounts;
}

export interface VerifyResult {
  readonly head: string;
  readonly counts: VerifyCounts;
  /** All that is neither ok nor only behind, by id, but at most a thousand: `counts` has the rest. */
  readonly tenants: readonly Verdict[];
  readonly seconds: number;
}

/** A connection knows so many schemas before it is replaced. */
const perConnection = 100;
const mostVerdicts = 1_000;
const mostDifferences = 50;

/**
 * Holds every schema against a fresh one of the version that the registry says it has, and writes its fingerprint and
 * `verified_at`; changes nothing else. Memory does not grow with the fleet. One that goes meanwhile is left out.
 */
export async function verifyFleet(ctx: FleetContext, options: VerifyOptions = {}): Promise<VerifyResult> {
  const started = performance.now();
  const total = options.tenants?.length ?? (await countSchemas(ctx.db));
  const counts: Record<VerifyStatus, number> = { ok: 0, behind: 0, drifted: 0, missing: 0, unknown: 0 };
  const kept: Verdict[] = [];
  const head = await withReferences(ctx.databaseUrl, async (references) => {
    await eachChunk(ctx.db, references, options, async (reader, ids) => {
      const read: Read[] = [];
      for (const id of ids) {
        const { verdict, hash } = await verifyTenant(reader, references, id);
        if (verdict.status === "missing" && options.tenants === undefined && !(await isWanted(ctx.db, id))) continue;
        if (hash !== undefined) read.push({ id, version: verdict.version, hash });
        counts[verdict.status] += 1;
        if (!isFine(verdict) && kept.length < mostVerdicts) kept.push(shortened(verdict));
        options.onVerdict?.(verdict);
        options.onProgress?.({ done: Object.values(counts).reduce((sum, n) => sum + n), total, counts: { ...counts } });
      }
      await record(reader, read);
    });
    return references.head;
  });
  const tenants = kept.toSorted((a, b) => a.tenant - b.tenant);
  return { head, counts, tenants, seconds: (performance.now() - started) / 1_000 };
}

const isFine = ({ status }: Verdict): boolean => status === "ok" || status === "behind";

/** As many as anybody reads; the last says how many more there are. */
function shortened(verdict: Verdict): Verdict {
  const more = verdict.differences.length - mostDifferences;
  if (more <= 0) return verdict;
  const rest = { kind: "more", object: `${more} more`, expected: null, actual: null };
  return { ...verdict, differences: [...verdict.differences.slice(0, mostDifferences), rest] };
}

type ChunkWork = (reader: SchemaReader, ids: readonly number[]) => Promise<void>;

/** After an error nobody begins another chunk. */
async function eachChunk(
  db: Knex,
  references: References,
  { tenants, concurrency = 4 }: VerifyOptions,
  work: ChunkWork,
): Promise<void> {
  const chunks = tenants === undefined ? listSchemas(db) : inChunks(tenants);
  let failed = false;
  const connection = async () => {
    for (;;) {
      const { value: ids, done } = await chunks.next();
      if (done === true || failed) return;
      await withSchemaReader(references, (reader) => work(reader, ids)).catch((error: unknown) => {
        failed = true;
        throw error;
      });
    }
  };
  const ended = await Promise.allSettled(Array.from({ length: concurrency }, connection));
  const rejected = ended.find((result) => result.status === "rejected");
  if (rejected !== undefined) throw rejected.reason;
}

async function* inChunks(ids: readonly number[]): AsyncGenerator<readonly number[], undefined> {
  for (let start = 0; start < ids.length; start += perConnection) yield ids.slice(start, start + perConnection);
}

async function* listSchemas(db: Knex): AsyncGenerator<readonly number[], undefined> {
  for (let after = 0; ;) {
    const { rows } = await db.raw<{ rows: { id: number }[] }>(
      `SELECT id FROM (${wantedSchemas}) AS wanted WHERE id > ? ORDER BY id LIMIT ?`,
      [after, perConnection],
    );
    const last = rows.at(-1);
    if (last === undefined) return;
    yield rows.map(({ id }) => id);
    after = last.id;
  }
}

async function countSchemas(db: Knex): Promise<number> {
  const { rows } = await db.raw<{ rows: { count: number }[] }>(`SELECT count(*) FROM (${wantedSchemas}) AS wanted`);
  return rows[0]?.count ?? 0;
}

async function isWanted(db: Knex, id: number): Promise<boolean> {
  const { rows } = await db.raw<{ rows: unknown[] }>(`SELECT FROM (${wantedSchemas}) AS wanted WHERE id = ?`, [id]);
  return rows.length > 0;
}

// Companies whose schema was there are asked for too: a registry's row may be lost with it. Those that are on their way
// out lose their schema piece by piece.
const wantedSchemas = `
  SELECT id FROM (SELECT tenant_id AS id FROM tenant_versions
                  UNION SELECT company_id FROM tenant_resources WHERE name = 'database' AND status = 'ready') AS known
  WHERE NOT EXISTS (SELECT FROM companies c WHERE c.id = known.id AND c.desired_state IN ('deleted', 'rolled_back'))
    AND NOT EXISTS (SELECT FROM spare_tenants s WHERE s.id = known.id AND s.version = 'discarded')`;

interface Read {
  readonly id: number;
  readonly version: string | null;
  readonly hash: string;
}

/** Not of one that was migrated since. */
async function record(reader: SchemaReader, read: readonly Read[]): Promise<void> {
  await reader.query(
    `UPDATE public.tenant_versions t SET fingerprint = read.hash, verified_at = now()
     FROM unnest($1::bigint[], $2::text[], $3::text[]) AS read (id, version, hash)
     WHERE t.tenant_id = read.id AND t.version = read.version`,
    [read.map(({ id }) => id), read.map(({ version }) => version), read.map(({ hash }) => hash)],
  );
}
