/** The audit log as it is read: in pages, as a stream, and checked link by link. `audit.ts` writes it. */
import type { Knex } from "../core/db.ts";
import { AppError } from "../core/errors.ts";
import type { ControlContext } from "./context.ts";

/** An act as clients see it. */
export interface AuditRecord {
  readonly id: number;
  readonly actor: string;
  readonly action: string;
  readonly tenantId: number | null;
  readonly correlationId: string | null;
  readonly data: Readonly<Record<string, unknown>>;
  /** UTC with microseconds: exactly what the hash was made from. */
  readonly at: string;
  readonly hash: string;
}

export interface AuditQuery {
  readonly companyId?: number | undefined;
  readonly actor?: string | undefined;
  readonly action?: string | undefined;
  readonly limit: number;
  readonly cursor?: string | undefined;
}

export interface Verification {
  readonly rows: number;
  /** Of the newest row; empty when there is none. Kept elsewhere, it is what `expect` takes later. */
  readonly lastHash: string;
  /** In order of ids; a row may be named for both reasons. */
  readonly broken: readonly { readonly id: number; readonly why: "row changed" | "row missing before" }[];
  /** Whether a row has the expected hash; null when none was expected. */
  readonly holdsExpected: boolean | null;
}

const pageRows = 5_000;

/** Newest first, by key. A filter left out or empty takes everything. `nextCursor` is null on the last page. */
export async function listAudit(
  ctx: ControlContext,
  query: AuditQuery,
): Promise<{ entries: AuditRecord[]; nextCursor: string | null }> {
  const find = records(ctx.db)
    .orderBy("id", "desc")
    .limit(query.limit + 1);
  if (query.companyId !== undefined) find.where({ company_id: query.companyId });
  if (query.actor) find.where({ actor: query.actor });
  if (query.action) find.where({ action: query.action });
  if (query.cursor) find.where("id", "<", readCursor(query.cursor));
  const rows = (await find) as AuditRecord[];
  const entries = rows.slice(0, query.limit);
  const last = entries.at(-1);
  const nextCursor = rows.length > entries.length && last ? writeCursor(last.id) : null;
  return { entries, nextCursor };
}

/** Every row there is when its page is read, oldest first, holding one page in memory. */
export async function* streamAudit(
  db: Knex,
  { companyId, since }: { readonly companyId?: number | undefined; readonly since?: Date | undefined } = {},
): AsyncGenerator<AuditRecord> {
  for (let last: AuditRecord | undefined; ;) {
    const find = records(db).orderBy("id").limit(pageRows);
    if (companyId !== undefined) find.where({ company_id: companyId });
    if (since) find.where("created_at", ">=", since);
    if (last) find.where("id", ">", last.id);
    const page = (await find) as AuditRecord[];
    yield* page;
    last = page.at(-1);
    if (page.length < pageRows) return;
  }
}

/**
 * Checks the whole chain, reading only; rows may be written meanwhile. A row that was rewritten together with its own
 * hash shows in the row after it. What the chain cannot show is that its newest rows were cut off, or that all hashes
 * from some row on were made again: `expect`, a hash that was the last one earlier, is gone then.
 */
export async function verifyAudit(
  db: Knex,
  { expect }: { readonly expect?: string | undefined } = {},
): Promise<Verification> {
  const broken: Verification["broken"][number][] = [];
  let holdsExpected = expect === undefined ? null : false;
  let rows = 0;
  let last = { id: Number.MIN_SAFE_INTEGER, hash: "" };
  for (;;) {
    const page = await readLinks(db, last);
    for (const { id, hash, missing, changed } of page) {
      if (missing) broken.push({ id, why: "row missing before" });
      if (changed) broken.push({ id, why: "row changed" });
      if (hash === expect) holdsExpected = true;
    }
    rows += page.length;
    last = page.at(-1) ?? last;
    if (page.length < pageRows) return { rows, lastHash: last.hash, broken, holdsExpected };
  }
}

interface Link {
  readonly id: number;
  readonly hash: string;
  readonly missing: boolean;
  readonly changed: boolean;
}

/** The next page of rows, each held against the one before it; the first of all is row 1 and follows "". */
async function readLinks(db: Knex, last: { readonly id: number; readonly hash: string }): Promise<Link[]> {
  // DISTINCT FROM: who can change rows can drop NOT NULL too, and `<>` never holds for a null. No `::`, Knex reads it.
  const { rows } = await db.raw<{ rows: Link[] }>(
    `SELECT id, hash, hash IS DISTINCT FROM audit_row_hash(entry) AS changed,
       id IS DISTINCT FROM lag(id, 1, greatest(CAST(:id AS bigint), 0)) OVER chain + 1
         OR previous_hash IS DISTINCT FROM lag(hash, 1, :hash) OVER chain AS missing
     FROM (SELECT a.*, a AS entry FROM audit_log a WHERE id > :id ORDER BY id LIMIT :limit) AS page
     WINDOW chain AS (ORDER BY id) ORDER BY id`,
    { ...last, limit: pageRows },
  );
  return rows;
}

const records = (db: Knex): Knex.QueryBuilder =>
  db("audit_log").select("id", "actor", "action", "company_id as tenantId", "correlation_id as correlationId", "data", {
    at: db.raw(`to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`),
    hash: "hash",
  });

const writeCursor = (id: number): string => Buffer.from(`audit:${id}`).toString("base64url");

function readCursor(cursor: string): number {
  const id = /^audit:([1-9]\d{0,15})$/.exec(Buffer.from(cursor, "base64url").toString())?.[1];
  if (id !== undefined) return Number(id);
  const errors = [{ pointer: "#query/cursor", detail: "is not a cursor of this list" }];
  throw new AppError("invalid-request", "Use 'nextCursor' of the page before, unchanged.", { errors });
}
