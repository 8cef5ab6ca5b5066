import type { Knex } from "../core/db.ts";

export interface AuditEntry {
  /** `user:<id>`, or the part of the system that acted. */
  readonly actor: string;
  /** An event in the past, e.g. `tenant.requested`. */
  readonly action: string;
  readonly companyId?: number;
  readonly correlationId?: string;
  /** Never a secret; the row can not be changed afterwards. */
  readonly data?: Readonly<Record<string, unknown>>;
}

/** Writes in the caller's transaction, last: the chain's lock is held until that transaction ends. */
export async function writeAudit(db: Knex, entry: AuditEntry): Promise<void> {
  // Values of id and hashes are filled in by the database; the columns are NOT NULL, so they need a first value.
  await db("audit_log").insert({
    id: 0,
    previous_hash: "",
    hash: "",
    actor: entry.actor,
    action: entry.action,
    company_id: entry.companyId ?? null,
    correlation_id: entry.correlationId ?? null,
    data: JSON.stringify(entry.data ?? {}),
  });
}
