/** The tenants of a run that are to be done now, handed out one by one; rows say it, so nothing is lost with the process. */
import type { Knex } from "../../core/db.ts";
import type { ResultError } from "./run-store.ts";

export interface QueueItem {
  readonly tenantId: number;
  readonly version: string;
  /** Knex's number of its last batch. */
  readonly batch: number;
  readonly attempts: number;
}

const atOnce = 256;

export class RunQueue {
  readonly #db: Knex;
  readonly #runId: string;
  /** Waves up to this one. */
  readonly #wave: number;
  #buffer: QueueItem[] = [];
  #reading: Promise<void> | undefined;
  readonly #inHand = new Set<number>();

  constructor(db: Knex, runId: string, wave: number) {
    this.#db = db;
    this.#runId = runId;
    this.#wave = wave;
  }

  /** Undefined when none is due. @throws what a lost server throws. */
  async take(): Promise<QueueItem | undefined> {
    if (this.#buffer.length === 0) {
      this.#reading ??= this.#read().finally(() => (this.#reading = undefined));
      await this.#reading;
    }
    const item = this.#buffer.shift();
    if (item !== undefined) this.#inHand.add(item.tenantId);
    return item;
  }

  /** Its row says by now what became of it. */
  finished({ tenantId }: QueueItem): void {
    this.#inHand.delete(tenantId);
  }

  async #read(): Promise<void> {
    const { rows } = await this.#db.raw<{ rows: QueueItem[] }>(
      `SELECT r.tenant_id AS "tenantId", coalesce(v.version, r.from_version) AS version,
              coalesce(v.batch, 1) AS batch, r.attempts
       FROM migration_results r LEFT JOIN tenant_versions v USING (tenant_id)
       WHERE r.run_id = :runId AND r.status = 'waiting' AND r.wave <= :wave AND r.next_attempt_at <= now()
         AND r.tenant_id <> ALL (:inHand)
       ORDER BY r.wave, r.tenant_id LIMIT :atOnce`,
      { runId: this.#runId, wave: this.#wave, inHand: [...this.#inHand], atOnce },
    );
    this.#buffer.push(...rows.filter(({ tenantId }) => !this.#inHand.has(tenantId)));
  }
}

/** Milliseconds until the next tenant is due, undefined when nobody waits. Of an on-request run that may be for ever. */
export async function nextDueIn(db: Knex, runId: string, wave: number): Promise<number | undefined> {
  const { rows } = await db.raw<{ rows: { ms: number | null }[] }>(
    `SELECT extract(epoch FROM min(greatest(next_attempt_at, now())) - now())::float8 * 1000 AS ms
     FROM migration_results WHERE run_id = ? AND status = 'waiting' AND wave <= ?`,
    [runId, wave],
  );
  return rows[0]?.ms ?? undefined;
}

/** Tries again in `delayMs`; its wait counts from its first attempt, so that it ends. */
export async function postpone(
  db: Knex,
  runId: string,
  item: QueueItem,
  { error, delayMs }: Postponement,
): Promise<void> {
  await db.raw(
    `UPDATE migration_results SET attempts = attempts + 1, error = :error, next_attempt_at = now() + make_interval(secs => :seconds),
       first_busy_at = coalesce(first_busy_at, now())
     WHERE run_id = :runId AND tenant_id = :tenantId AND status = 'waiting'`,
    { runId, tenantId: item.tenantId, error: JSON.stringify(error), seconds: delayMs / 1000 },
  );
}

export interface Postponement {
  readonly error: ResultError;
  readonly delayMs: number;
}

/** What ends a tenant's part in a run without a change. A row that is done stays done. */
export async function settle(
  db: Knex,
  runId: string,
  { tenantId }: QueueItem,
  { status, error }: { status: "failed" | "skipped" | "done"; error?: ResultError },
): Promise<void> {
  await db("migration_results")
    .where({ run_id: runId, tenant_id: tenantId, status: "waiting" })
    .update({
      status,
      error: error === undefined ? null : JSON.stringify(error),
      attempts: db.raw("attempts + 1"),
      finished_at: db.fn.now(),
    });
}

/** How long a tenant has been found busy, in milliseconds. */
export async function busySince(db: Knex, runId: string, { tenantId }: QueueItem): Promise<number> {
  const { rows } = await db.raw<{ rows: { ms: number }[] }>(
    `SELECT coalesce(extract(epoch FROM now() - first_busy_at)::float8 * 1000, 0) AS ms FROM migration_results
     WHERE run_id = ? AND tenant_id = ?`,
    [runId, tenantId],
  );
  return rows[0]?.ms ?? 0;
}
