/** Why a company is as it is: what blocks, what was said last, and what happens next. Reads only. */
import type { Knex } from "../../../core/db.ts";
import type { ControlContext } from "../../context.ts";
import { findInspection, type InspectionRow } from "../../lifecycle/inspection/inspection-store.ts";
import { latestOperation, listResources, type ResourceRow } from "../../lifecycle/operation-store.ts";
import { blockersOf, isAtGoal } from "../../lifecycle/plan-steps.ts";
import { resources } from "../../lifecycle/resources/index.ts";
import type { CompanyRow } from "../../lifecycle/tenant-store.ts";
import { getCompany } from "../changes/change-tenant.ts";
import type { Explanation } from "./schema.ts";
import { summarize } from "./summary.ts";

/** @throws AppError `tenant-not-found`. */
export async function explainTenant(ctx: ControlContext, reference: string): Promise<Explanation> {
  const company = await getCompany(ctx.db, reference);
  const [rows, lease, operation, inspection] = await Promise.all([
    listResources(ctx.db, company.id),
    findLease(ctx.db, company.id),
    latestOperation(ctx.db, company.id),
    findInspection(ctx.db, company.id),
  ]);
  const facts: Omit<Explanation, "summary"> = {
    status: company.status,
    desiredState: company.desired_state,
    blocking: blockingOf(company, rows),
    lease: lease ? { holder: lease.owner, expiresAt: lease.expires_at.toISOString() } : null,
    operation: operation ? { id: operation.id, kind: operation.kind, status: operation.status } : null,
    inspection: inspection ? presentInspection(inspection) : null,
    purgeAfter: company.purge_after?.toISOString() ?? null,
  };
  return { ...facts, summary: summarize(company, facts) };
}

/** Who holds the company now; a lease that has run out is nobody's. */
const findLease = (db: Knex, companyId: number): Promise<{ owner: string; expires_at: Date } | undefined> =>
  db("tenant_leases").where({ company_id: companyId }).where("expires_at", ">", db.fn.now()).first();

function blockingOf({ desired_state: desired }: CompanyRow, rows: readonly ResourceRow[]): Explanation["blocking"] {
  const unreached = new Map(rows.filter((row) => !isAtGoal(desired, row)).map((row) => [row.name, row]));
  return resources.flatMap((resource) => {
    const row = unreached.get(resource.name);
    if (row === undefined) return [];
    const { status, attempts, last_error: error, next_attempt_at: next } = row;
    return {
      resource: resource.name,
      status,
      waitsFor: blockersOf(resource, resources, desired).filter((name) => unreached.has(name)),
      attempts,
      lastError: error && { code: error.code, message: error.message, retry: error.retry },
      nextAttemptAt: next?.toISOString() ?? null,
    };
  });
}

const presentInspection = (row: InspectionRow): NonNullable<Explanation["inspection"]> => ({
  inspectedAt: row.inspected_at?.toISOString() ?? null,
  nextAt: row.next_at.toISOString(),
  result: row.result,
  findings: row.findings.map(({ resource, state, why, action }) => ({ resource, state, why: [...why], action })),
});
