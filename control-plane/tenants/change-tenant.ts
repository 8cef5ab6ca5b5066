/** Changes of what is wanted of a company. Each writes one transaction and wakes the loop; none does the work itself. */
import type { Knex } from "../../core/db.ts";
import { AppError } from "../../core/errors.ts";
import { writeAudit } from "../audit.ts";
import type { ControlContext } from "../context.ts";
import { converge } from "../lifecycle/converge.ts";
import { getOperation, startOperation, type OperationKind, type OperationRow } from "../lifecycle/operation-store.ts";
import { findCompany, type CompanyRow } from "../lifecycle/tenant-store.ts";

export interface Change {
  readonly reference: string;
  readonly actor: { readonly userId: number };
  readonly correlationId: string;
}

/** @throws AppError `tenant-not-found`. */
export async function getCompany(db: Knex, reference: string): Promise<CompanyRow> {
  const company = await findCompany(db, reference);
  if (company === undefined)
    throw new AppError("tenant-not-found", "Look the company up with GET /api/tenants?search=…");
  return company;
}

/** Tries at once whatever is not where it should be. What is there already is left alone. */
export async function retryTenant(ctx: ControlContext, change: Change): Promise<OperationRow> {
  const company = await getCompany(ctx.db, change.reference);
  return changeTenant(ctx, company, {
    ...change,
    kind: "retry",
    action: "tenant.retry-requested",
    apply: async (db) => {
      const goal = company.desired_state === "deleted" ? "absent" : "ready";
      await db("tenant_resources")
        .where({ company_id: company.id })
        .whereNotIn("status", [goal, "working"])
        .update({ next_attempt_at: db.fn.now(), attempts: 0 });
    },
  });
}

/**
 * From here on the hosts answer 410 and everything the company owns is removed, in the order in which nothing is
 * left dangling. The company's row, slug and hosts stay reserved.
 * @throws AppError `invalid-request` when `confirm` is given and is not the slug; `state-conflict` when it is deleted.
 */
export async function deleteTenant(
  ctx: ControlContext,
  change: Change & { confirm?: string | undefined; reason?: string | undefined },
): Promise<OperationRow> {
  const company = await getCompany(ctx.db, change.reference);
  if (change.confirm !== undefined && change.confirm !== company.slug) {
    const errors = [{ pointer: "/confirm", detail: "must be the company's slug" }];
    throw new AppError("invalid-request", "Repeat the company's slug to confirm.", { errors });
  }
  if (company.desired_state === "deleted")
    throw new AppError("state-conflict", "The company is being deleted or was deleted.");
  const data = { slug: company.slug, reason: change.reason ?? null };
  return changeTenant(ctx, company, {
    ...change,
    kind: "delete",
    action: "tenant.deletion-requested",
    data,
    apply: async (db) => {
      await db("companies")
        .where({ id: company.id })
        .update({ desired_state: "deleted", generation: db.raw("generation + 1"), updated_at: db.fn.now() });
      await db("tenant_resources")
        .where({ company_id: company.id })
        .update({ next_attempt_at: db.fn.now(), attempts: 0 });
    },
  });
}

interface Effect extends Change {
  readonly kind: OperationKind;
  readonly action: string;
  readonly data?: Record<string, unknown>;
  readonly apply: (db: Knex) => Promise<void>;
}

async function changeTenant(ctx: ControlContext, company: CompanyRow, effect: Effect): Promise<OperationRow> {
  const operation = await ctx.db.transaction(async (db) => {
    // One change at a time: the company's row is held until the operation is written.
    await db("companies").where({ id: company.id }).forUpdate().first("id");
    await effect.apply(db);
    const actor = `user:${effect.actor.userId}`;
    const id = await startOperation(db, {
      companyId: company.id,
      kind: effect.kind,
      requestedBy: actor,
      correlationId: effect.correlationId,
    });
    const { correlationId, action, data = {} } = effect;
    await writeAudit(db, { actor, action, companyId: company.id, correlationId, data: { ...data, operationId: id } });
    return getOperation(db, id);
  });
  const work = converge(ctx, company.id).catch((error: unknown) =>
    ctx.log.warn({ err: error, companyId: company.id }, "convergence stopped; the sweep comes again"),
  );
  ctx.background.add(work);
  void work.finally(() => ctx.background.delete(work));
  return operation;
}
