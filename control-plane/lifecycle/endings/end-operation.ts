/** The end of an operation: its status, the last picture of the resources, its last event and the audit row, together. */
import type { Knex } from "../../../core/db.ts";
import type { ControlContext } from "../../context.ts";
import { LeaseLost } from "../lease.ts";
import { fenceOf, fenceSql } from "../operation-store.ts";
import type { LeasedTenant } from "../resource.ts";

export type Outcome = "succeeded" | "failed";

/** Without a running operation, or when something else is wanted by now, nothing happens. */
export async function endOperation(ctx: ControlContext, tenant: LeasedTenant, outcome: Outcome): Promise<void> {
  await ctx.db.raw(endSql(`EXISTS (${fenceSql})`), { ...fenceOf(tenant), ...namesOf(outcome) });
}

/** The same inside a transaction that holds the fence and has more to write. */
export async function endOperationIn(db: Knex, companyId: number, outcome: Outcome): Promise<void> {
  await db.raw(endSql("true"), { companyId, ...namesOf(outcome) });
}

const namesOf = (outcome: Outcome) => ({ outcome, event: `operation.${outcome}` });

// The audit row comes of the ended operation's row, so the chain's lock is taken after that row's.
const endSql = (condition: string): string => `
WITH done AS (
  UPDATE operations SET status = :outcome, finished_at = now(), last_seq = last_seq + 1, steps = (
    SELECT jsonb_agg(jsonb_build_object('name', name, 'status', status, 'attempts', attempts, 'last_error', last_error))
    FROM tenant_resources WHERE company_id = :companyId)
  WHERE company_id = :companyId AND status = 'running' AND ${condition}
  RETURNING id, kind, company_id, correlation_id, last_seq
), event AS (
  INSERT INTO operation_events (operation_id, seq, type) SELECT id, last_seq, :event FROM done
)
INSERT INTO audit_log (id, previous_hash, hash, actor, action, company_id, correlation_id, data)
SELECT 0, '', '', 'system', :event, company_id, correlation_id, jsonb_build_object('operationId', id, 'kind', kind) FROM done`;

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
