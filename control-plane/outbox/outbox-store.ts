/** The outbox: what has to be told to the world outside, written together with what makes it true and sent afterwards. */
import type { Knex } from "../../core/db.ts";
import type { Failure } from "../lifecycle/retry.ts";

export type OutboxKind = "provisioning.email";

/** A row that this process has claimed. */
export interface OutboxRow {
  readonly id: number;
  readonly kind: OutboxKind;
  readonly companyId: number;
  /** Counts this one; it also fences: whoever claims the row again has a higher one. */
  readonly attempts: number;
  /** Waiting since more than five days, which is how long RFC 5321, 4.5.4.1 has a sender try. */
  readonly isOverdue: boolean;
}

/** What became of a row that needs no further attempt. */
export type Outcome = { readonly result: "sent" | "logged" } | { readonly result: "skipped"; readonly reason: string };

/** Longer than any one delivery may take: a claim that ends while its process still sends would send twice. */
export const claimSeconds = 120;

/**
 * Takes due rows of the kinds that this process knows, the longest waiting first. A claim is a next attempt that lies
 * ahead: when the process dies, the row is due again by itself.
 */
export async function claimDue(
  db: Knex,
  { kinds, limit }: { readonly kinds: readonly OutboxKind[]; readonly limit: number },
): Promise<OutboxRow[]> {
  const { rows } = await db.raw<{ rows: OutboxRow[] }>(claimSql, { kinds: [...kinds], limit, claimSeconds });
  return rows;
}

// Rows that failed for good are due at 'infinity', so that the index of what is due does not lead through them.
const claimSql = `
WITH due AS MATERIALIZED (
  SELECT id FROM outbox
  WHERE done_at IS NULL AND next_attempt_at <= now() AND kind = ANY(:kinds)
  ORDER BY next_attempt_at LIMIT :limit FOR UPDATE SKIP LOCKED
)
UPDATE outbox SET attempts = attempts + 1, next_attempt_at = now() + make_interval(secs => :claimSeconds)
FROM due WHERE outbox.id = due.id
RETURNING outbox.id, kind, company_id AS "companyId", attempts, created_at < now() - interval '5 days' AS "isOverdue"`;

/** Done, also when the row was claimed again meanwhile: what was sent is sent. */
export async function finishRow(db: Knex, { id }: OutboxRow, outcome: Outcome): Promise<void> {
  await db("outbox")
    .where({ id, done_at: null })
    .update({
      done_at: db.fn.now(),
      last_error: null,
      failed_at: null,
      payload: db.raw("payload || CAST(? AS jsonb)", [JSON.stringify({ outcome })]),
    });
}

/** Writes why an attempt failed, and when the next one is; without one the row stays as a failure for people to see. */
export async function failRow(db: Knex, { id, attempts }: OutboxRow, failure: Failure): Promise<void> {
  const { code, message, retry, delaySeconds } = failure;
  const next = "now() + make_interval(secs => ?)";
  await db("outbox")
    .where({ id, attempts, done_at: null })
    .update({
      last_error: JSON.stringify({ code, message, retry }),
      ...(delaySeconds === null
        ? { failed_at: db.fn.now(), next_attempt_at: "infinity" }
        : { next_attempt_at: db.raw(next, [delaySeconds]) }),
    });
}

/** Adds a row in the caller's transaction. One of the same kind that is still waiting is done with: one mail, not two. */
export async function addToOutbox(db: Knex, kind: OutboxKind, companyId: number): Promise<void> {
  await db("outbox")
    .where({ kind, company_id: companyId, done_at: null, failed_at: null })
    .update({
      done_at: db.fn.now(),
      payload: db.raw("payload || CAST(? AS jsonb)", [
        JSON.stringify({ outcome: { result: "skipped", reason: "asked-for-again" } }),
      ]),
    });
  await db("outbox").insert({ kind, company_id: companyId });
}

/** Writes again what was passed over because the company was not served at that time. Belongs in what brings it back. */
export async function repeatSkipped(db: Knex, companyId: number): Promise<void> {
  await db.raw(
    `INSERT INTO outbox (kind, company_id)
     SELECT kind, company_id FROM outbox WHERE company_id = :companyId
     GROUP BY kind, company_id
     HAVING (array_agg(payload #>> '{outcome,result}' ORDER BY id DESC))[1] = 'skipped'`,
    { companyId },
  );
}
