/** Changes of what is wanted of a company. Each writes one transaction and wakes the loop; none does the work itself. */
import type { Knex } from "../../../core/db.ts";
import { AppError } from "../../../core/errors.ts";
import { writeAudit } from "../../audit.ts";
import type { ControlContext } from "../../context.ts";
import type { DesiredState } from "../../../core/tenant.ts";
import { readImport } from "../../archive/import/import-store.ts";
import { aimAt, makeDue } from "../../lifecycle/aim.ts";
import { crashPoint } from "../../lifecycle/crash-point.ts";
import { converge } from "../../lifecycle/converge.ts";
import {
  getOperation,
  startOperation,
  type OperationKind,
  type OperationRow,
} from "../../lifecycle/operation-store.ts";
import { repeatSkipped } from "../../outbox/outbox-store.ts";
import { findCompany, type CompanyRow } from "../../lifecycle/tenant-store.ts";

export interface Change {
  readonly reference: string;
  readonly actor: { readonly userId: number };
  readonly correlationId: string;
}

export interface Reasoned extends Change {
  /** For the audit log. */
  readonly reason?: string | undefined;
}

/** @throws AppError `tenant-not-found`. */
export async function getCompany(db: Knex, reference: string): Promise<CompanyRow> {
  const company = await findCompany(db, reference);
  if (company === undefined)
    throw new AppError("tenant-not-found", "Look the company up with GET /api/tenants?search=…");
  return company;
}

/** Tries at once whatever is not where it should be. What is there already is left alone. */
export function retryTenant(ctx: ControlContext, change: Change): Promise<OperationRow> {
  return changeTenant(ctx, {
    ...change,
    kind: "retry",
    action: "tenant.retry-requested",
    apply: (db, company) => makeDue(db, company.id, { desired: company.desired_state, again: [] }),
  });
}

/**
 * From here on the hosts answer 403, jobs wait and nobody works for the company; its data is not touched.
 * @throws AppError `state-conflict` when it is suspended or deleted.
 */
export function suspendTenant(ctx: ControlContext, change: Reasoned): Promise<OperationRow> {
  return changeTenant(ctx, {
    ...change,
    kind: "suspend",
    action: "tenant.suspension-requested",
    async apply(db, company) {
      refuseUnless(company, ["active"]);
      await aimAt(db, company.id, { desired: "suspended" });
    },
  });
}

/** Brings everything back. @throws AppError `state-conflict` when the company is not suspended, or waits for an import's rows. */
export function resumeTenant(ctx: ControlContext, change: Reasoned): Promise<OperationRow> {
  return changeTenant(ctx, {
    ...change,
    kind: "resume",
    action: "tenant.resumption-requested",
    async apply(db, company) {
      refuseUnless(company, ["suspended"]);
      await refuseUnfilled(db, company);
      await aimAt(db, company.id, { desired: "active" });
      await repeatSkipped(db, company.id);
    },
  });
}

/** An import that goes on empties the company first: nobody may have worked in it by then. */
async function refuseUnfilled(db: Knex, { id }: CompanyRow): Promise<void> {
  const mark = (await readImport(db, id))?.mark;
  if (mark === undefined || mark.loadedAt !== undefined) return;
  throw new AppError("state-conflict", "Its import has not ended: import the same file again, or delete the company.");
}

/** @throws AppError `state-conflict`. */
export function refuseUnless(company: CompanyRow, states: readonly DesiredState[]): void {
  if (states.includes(company.desired_state)) return;
  const now = stateNames[company.desired_state];
  throw new AppError("state-conflict", `The company is ${now}. See GET /api/tenants/${company.id}/explain.`);
}

const stateNames: Readonly<Record<DesiredState, string>> = {
  active: "active, or being made",
  suspended: "suspended",
  closed: "deleted and kept until its time is over; POST …/undelete brings it back",
  deleted: "being removed or was removed",
  rolled_back: "being rolled back",
};

export interface Effect extends Reasoned {
  readonly kind: OperationKind;
  readonly action: string;
  /** Given the company as it is under lock: what was read before may have changed since. */
  readonly apply: (db: Knex, company: CompanyRow) => Promise<void>;
  /** More for the audit row. */
  readonly data?: Readonly<Record<string, unknown>>;
}

/** Once more when PostgreSQL chose this transaction as the victim of a deadlock with a loop that is writing. */
async function inTransaction<T>(db: Knex, work: (db: Knex) => Promise<T>): Promise<T> {
  try {
    return await db.transaction(work);
  } catch (error) {
    if ((error as { code?: unknown }).code !== "40P01") throw error;
    return db.transaction(work);
  }
}

/** One transaction: the change under the company's lock, its operation, its audit row. Then the loop is woken. */
export async function changeTenant(ctx: ControlContext, effect: Effect): Promise<OperationRow> {
  const { actor, correlationId, action, kind, reason } = effect;
  const requestedBy = `user:${actor.userId}`;
  const operation = await inTransaction(ctx.db, async (db) => {
    const { id: companyId } = await getCompany(db, effect.reference);
    await db("companies").where({ id: companyId }).forUpdate().first("id");
    const company = await getCompany(db, String(companyId));
    await effect.apply(db, company);
    const id = await startOperation(db, { companyId, kind, requestedBy, correlationId });
    const data = { slug: company.slug, operationId: id, ...(reason === undefined ? {} : { reason }), ...effect.data };
    await writeAudit(db, { actor: requestedBy, action, companyId, correlationId, data });
    return getOperation(db, id);
  });
  crashPoint(ctx, `${kind}.row.after`);
  const work = converge(ctx, operation.company_id).catch((error: unknown) =>
    ctx.log.warn({ err: error, companyId: operation.company_id }, "convergence stopped; the sweep comes again"),
  );
  ctx.background.add(work);
  void work.finally(() => ctx.background.delete(work));
  return operation;
}
