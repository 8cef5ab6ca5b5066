/** The end of an operation: its status, the last picture of the resources, its last event and the audit row, together. */
import type { Knex } from "../../../core/db.ts";
import { writeAudit } from "../../audit.ts";
import type { ControlContext } from "../../context.ts";
import { LeaseLost } from "../lease.ts";
import { fenceOf, fenceSql } from "../operation-store.ts";
import type { LeasedTenant } from "../resource.ts";

export type Outcome = "succeeded" | "failed";

/**
 * Without a running operation, or when something else is wanted by now, nothing happens. Its commit is not waited for: an
 * end that a crash of PostgreSQL takes back is found open by the sweep, and written again.
 */
export async function endOperation(ctx: ControlContext, tenant: LeasedTenant, outcome: Outcome): Promise<void> {
  const condition = `EXISTS (${fenceSql}) AND set_config('synchronous_commit', 'off', true) IS NOT NULL`;
  await ctx.db.raw(
    `${endSql(condition)}
     INSERT INTO audit_log (id, previous_hash, hash, actor, action, company_id, correlation_id, data)
     SELECT 0, '', '', 'system', :event, company_id, correlation_id, jsonb_build_object('operationId', id, 'kind', kind)
     FROM done`,
    { ...fenceOf(tenant), ...namesOf(outcome) },
  );
}

export interface EndedOperation {
  readonly id: string;
  readonly kind: string;
  readonly correlation_id: string;
}

/**
 * The same inside a transaction that holds the fence and has more to write. Its audit row is left to `auditEnd`, near the
 * transaction's end: the chain's lock is everybody's, and is held from there on.
 */
export async function endOperationIn(
  db: Knex,
  companyId: number,
  outcome: Outcome,
): Promise<EndedOperation | undefined> {
  const { rows } = await db.raw<{ rows: EndedOperation[] }>(
    `${endSql("true")} SELECT id, kind, correlation_id FROM done`,
    { companyId, ...namesOf(outcome) },
  );
  return rows[0];
}

export async function auditEnd(
  db: Knex,
  companyId: number,
  { outcome, ended }: { outcome: Outcome; ended: EndedOperation | undefined },
): Promise<void> {
  if (ended === undefined) return;
  const { id, kind, correlation_id: correlationId } = ended;
  const data = { operationId: id, kind };
  await writeAudit(db, { actor: "system", action: `operation.${outcome}`, companyId, correlationId, data });
}

const namesOf = (outcome: Outcome) => ({ outcome, event: `operation.${outcome}` });

const endSql = (condition: string): string => `
WITH done AS (
  UPDATE operations SET status = :outcome, finished_at = now(), last_seq = last_seq + 1, steps = (
    SELECT jsonb_agg(jsonb_build_object('name', name, 'status', status, 'attempts', attempts, 'last_error', last_error))
    FROM tenant_resources WHERE company_id = :companyId)
  WHERE company_id = :companyId AND status = 'running' AND ${condition}
  RETURNING id, kind, company_id, correlation_id, last_seq
), event AS (
  INSERT INTO operation_events (operation_id, seq, type) SELECT id, last_seq, :event FROM done
)`;

/** One transaction in which the tenant is ours from its first statement. @throws LeaseLost, and writes nothing then. */
export function withFence<T>(
  ctx: ControlContext,
  tenant: LeasedTenant,
  work: (db: Knex.Transaction) => Promise<T>,
): Promise<T> {
  return ctx.db.transaction(async (db) => {
    const { rows } = await db.raw<{ rows: unknown[] }>(fenceSql, fenceOf(tenant));
    if (rows.length === 0) throw new LeaseLost(tenant.id);
    return work(db);
  });
}
