/** Rows of the lifecycle: resources of a tenant, the running operation, and its events. */
import type { Knex } from "../../core/db.ts";
import { AppError, type RetryClass } from "../../core/errors.ts";
import type { ControlContext } from "../context.ts";
import { LeaseLost } from "./lease.ts";
import type { LeasedTenant, ResourceName } from "./resource.ts";
import type { Failure } from "./retry.ts";

export type ResourceStatus = "pending" | "working" | "ready" | "failed" | "absent";

export interface ResourceRow {
  readonly name: ResourceName;
  readonly status: ResourceStatus;
  readonly attempts: number;
  readonly last_error: { code: string; message: string; retry: RetryClass } | null;
  readonly next_attempt_at: Date | null;
  readonly ready_at: Date | null;
}

export type OperationKind =
  | "provision"
  | "retry"
  | "suspend"
  | "resume"
  | "delete"
  | "undelete"
  | "purge"
  | "rollback"
  | "reconcile"
  | "import"
  | "adopt";

/** A resource in the picture that an ended operation keeps. */
export type StepRow = Pick<ResourceRow, "name" | "status" | "attempts" | "last_error">;

export interface OperationRow {
  readonly id: string;
  readonly company_id: number;
  readonly kind: OperationKind;
  readonly status: "running" | "succeeded" | "failed";
  /** The resources as they were when it ended; null while it runs, and where another one took its place. */
  readonly steps: readonly StepRow[] | null;
  readonly created_at: Date;
  readonly finished_at: Date | null;
}

export interface OperationEvent {
  readonly seq: number;
  readonly type: string;
  readonly resource: ResourceName | null;
  readonly data: Record<string, unknown>;
  readonly created_at: Date;
}

/** `next_attempt_at` is told by this process's clock: the server's may go differently, and whether a row is due must not depend on it. */
export async function listResources(db: Knex, companyId: number): Promise<ResourceRow[]> {
  const rows: (ResourceRow & { due_in: number | null })[] = await db("tenant_resources")
    .where({ company_id: companyId })
    .orderBy("name")
    .select("*", db.raw("extract(epoch FROM next_attempt_at - clock_timestamp())::float8 AS due_in"));
  const now = Date.now();
  // A row that is due stays due, whatever a rounded millisecond says.
  const tell = (seconds: number | null) => (seconds === null ? null : new Date(now + Math.floor(seconds * 1000)));
  return rows.map(({ due_in, ...row }) => Object.assign(row, { next_attempt_at: tell(due_in) }));
}

export const findOperation = (db: Knex, id: string): Promise<OperationRow | undefined> =>
  db("operations").where({ id }).first();

/** @throws AppError `operation-not-found`. */
export async function getOperation(db: Knex, id: string): Promise<OperationRow> {
  const operation = await findOperation(db, id);
  if (operation !== undefined) return operation;
  throw new AppError("operation-not-found", "Take the operation's address from the answer that started it.");
}

export const latestOperation = (db: Knex, companyId: number): Promise<OperationRow | undefined> =>
  db("operations").where({ company_id: companyId }).orderBy("created_at", "desc").first();

export const listEvents = (db: Knex, operationId: string, after: number): Promise<OperationEvent[]> =>
  db("operation_events").where({ operation_id: operationId }).where("seq", ">", after).orderBy("seq").limit(500);

/** Starts an operation; one that is still running for the company is ended as failed: its aim is no longer wanted. */
export async function startOperation(
  db: Knex,
  operation: { companyId: number; kind: OperationKind; requestedBy: string; correlationId: string },
): Promise<string> {
  await db("operations")
    .where({ company_id: operation.companyId, status: "running" })
    .update({ status: "failed", finished_at: db.fn.now() });
  const [row] = await db("operations")
    .insert({
      company_id: operation.companyId,
      kind: operation.kind,
      requested_by: operation.requestedBy,
      correlation_id: operation.correlationId,
    })
    .returning("id");
  return row.id as string;
}

/** What happened to one resource. */
export interface ResourceChange {
  readonly resource: ResourceName;
  readonly status: ResourceStatus;
  readonly failure?: Failure;
}

/**
 * Changes of different resources and the events that tell of them, in one statement. `servable`: from here on the
 * runtime serves the company, it is never rolled back any more, and its owner is written to.
 * @throws LeaseLost when another process holds the tenant by now, or something else is wanted of it; nothing is written then.
 */
export async function recordChanges(
  ctx: ControlContext,
  tenant: LeasedTenant,
  { changes, servable }: { changes: readonly ResourceChange[]; servable: boolean },
): Promise<void> {
  const given = changes.map(({ resource, status, failure }, ord) => {
    const error = failure && { code: failure.code, message: failure.message, retry: failure.retry };
    return { ord, resource, status, error, delay: failure?.delaySeconds };
  });
  const { rows } = await ctx.db.raw<{ rows: { changed: number }[] }>(recordSql, {
    ...fenceOf(tenant),
    given: JSON.stringify(given),
    servable,
  });
  if (rows[0]?.changed !== changes.length) throw new LeaseLost(tenant.id);
}

// 'working' stays due at once: if the process dies, the sweep finds it when the lease ends.
// The commit does not wait for the disk: a lost row is found out by inspecting the real thing.
// The fence is share-locked: without that, a statement that began before a change of aim and then waited for its rows
// would still write over what the change had written.
const recordSql = `
WITH fence AS (
  SELECT 1 FROM tenant_leases JOIN companies ON companies.id = company_id
  WHERE company_id = :companyId AND token = :fence AND generation = :generation
    AND set_config('synchronous_commit', 'off', true) IS NOT NULL
  FOR SHARE
), given AS (
  SELECT * FROM jsonb_to_recordset(CAST(:given AS jsonb))
    AS entry (ord integer, resource text, status text, error jsonb, delay double precision)
), changed AS (
  UPDATE tenant_resources AS t SET
    status = given.status,
    attempts = CASE WHEN given.status = 'working' THEN attempts + 1 WHEN given.status IN ('ready', 'absent') THEN 0 ELSE attempts END,
    last_error = CASE WHEN given.status = 'working' THEN last_error ELSE given.error END,
    next_attempt_at = CASE given.status WHEN 'working' THEN now() WHEN 'failed' THEN now() + make_interval(secs => given.delay) END,
    ready_at = CASE given.status WHEN 'ready' THEN now() WHEN 'absent' THEN NULL ELSE ready_at END,
    updated_at = now()
  FROM given
  WHERE t.company_id = :companyId AND t.name = given.resource AND EXISTS (SELECT FROM fence)
  RETURNING t.name, t.status, t.attempts, t.next_attempt_at, given.ord, given.error
), served AS (
  UPDATE companies SET first_active_at = now()
  WHERE id = :companyId AND first_active_at IS NULL AND :servable AND EXISTS (SELECT FROM changed)
  RETURNING id
), told AS (
  INSERT INTO outbox (kind, company_id) SELECT 'provisioning.email', id FROM served
), operation AS (
  UPDATE operations SET last_seq = last_seq + (SELECT count(*) FROM changed)
  WHERE company_id = :companyId AND status = 'running' AND EXISTS (SELECT FROM changed)
  RETURNING id, last_seq - (SELECT count(*) FROM changed) AS before
), event AS (
  INSERT INTO operation_events (operation_id, seq, type, resource, data)
  SELECT operation.id, before + row_number() OVER (ORDER BY ord), 'resource.' || changed.status, name,
         jsonb_strip_nulls(jsonb_build_object('attempt', attempts, 'error', error, 'nextAttemptAt', next_attempt_at))
  FROM operation, changed
)
SELECT count(*) AS changed FROM changed`;

/** Writes when a resource that waits for another is due. Nothing happens when something else is wanted by now. */
export async function parkResource(ctx: ControlContext, tenant: LeasedTenant, row: ResourceRow): Promise<void> {
  await ctx.db.raw(
    `UPDATE tenant_resources SET next_attempt_at = :next
     WHERE company_id = :companyId AND name = :name AND status = :status AND EXISTS (${fenceSql})`,
    { ...fenceOf(tenant), name: row.name, status: row.status, next: row.next_attempt_at },
  );
}

/** A row while this process holds the tenant and works towards what is wanted now. Takes the bindings of `fenceOf`. */
export const fenceSql = `SELECT 1 FROM tenant_leases JOIN companies ON companies.id = company_id
  WHERE company_id = :companyId AND token = :fence AND generation = :generation FOR SHARE`;

export const fenceOf = (tenant: LeasedTenant) => ({
  companyId: tenant.id,
  fence: tenant.fence,
  generation: tenant.generation,
});
