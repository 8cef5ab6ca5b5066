/** A company that failed for good before it was ever served: everything made so far goes, then its rows, as if never asked for. */
import { writeAudit } from "../../audit.ts";
import type { ControlContext } from "../../context.ts";
import { aimAt } from "../aim.ts";
import { crashPoint } from "../crash-point.ts";
import { auditEnd, endOperationIn, withFence } from "./end-operation.ts";
import { startOperation, type ResourceRow } from "../operation-store.ts";
import type { LeasedTenant } from "../resource.ts";

type Verdict = Pick<ResourceRow, "status" | "last_error">;

/** True when the rows call for a rollback: something failed for good and the company's policy is not to hold. */
export function callsForRollback(
  tenant: Pick<LeasedTenant, "desiredState" | "wasActive" | "onFailure">,
  rows: Iterable<Verdict>,
): boolean {
  if (tenant.wasActive || tenant.onFailure !== "rollback") return false;
  if (tenant.desiredState !== "active" && tenant.desiredState !== "suspended") return false;
  return [...rows].some((row) => row.status === "failed" && row.last_error?.retry === "permanent");
}

/** Ends what runs as failed and aims at `rolled_back`, unless the company was served meanwhile. Answers whether it did. */
export async function beginRollback(
  ctx: ControlContext,
  tenant: LeasedTenant,
  cause: ResourceRow | undefined,
): Promise<boolean> {
  const began = await withFence(ctx, tenant, async (db) => {
    const company = await db("companies").where({ id: tenant.id }).forUpdate().first("first_active_at");
    if (company.first_active_at !== null) return false;
    const ended = await endOperationIn(db, tenant.id, "failed");
    const correlationId = ended?.correlation_id ?? "rollback";
    await aimAt(db, tenant.id, { desired: "rolled_back" });
    const operation = { companyId: tenant.id, kind: "rollback", requestedBy: "system", correlationId } as const;
    const operationId = await startOperation(db, operation);
    const data = { slug: tenant.slug, operationId, resource: cause?.name, error: cause?.last_error };
    await auditEnd(db, tenant.id, { outcome: "failed", ended });
    await writeAudit(db, {
      actor: "system",
      action: "tenant.rollback-started",
      companyId: tenant.id,
      correlationId,
      data,
    });
    return true;
  });
  if (began) crashPoint(ctx, "rollback.row.after");
  return began;
}

/** Removes the rows of a company of which nothing is left, and the plan that was made for it alone; operations and audit stay. */
export async function endRollback(ctx: ControlContext, tenant: LeasedTenant): Promise<void> {
  await withFence(ctx, tenant, async (db) => {
    const ended = await endOperationIn(db, tenant.id, "succeeded");
    const company = await db("companies").where({ id: tenant.id }).forUpdate().first("made_plan");
    const plan = await db("subscriptions").where({ company_id: tenant.id }).first("plan_id");
    await db("domains").where({ company_id: tenant.id }).delete();
    await db("companies").where({ id: tenant.id }).delete();
    if (company.made_plan === true && plan !== undefined) {
      const used = db("subscriptions").where({ plan_id: plan.plan_id }).select("id");
      await db("plans").where({ id: plan.plan_id }).whereNotExists(used).delete();
    }
    await auditEnd(db, tenant.id, { outcome: "succeeded", ended });
    const data = { slug: tenant.slug };
    await writeAudit(db, { actor: "system", action: "tenant.rolled-back", companyId: tenant.id, data });
  });
}
