/** Companies as rows: found, listed, and as the lifecycle sees them. */
import type { Knex } from "../../core/db.ts";
import type { PlanIsolation } from "../../core/plan-terms.ts";
import type { DesiredState, TenantStatus } from "../../core/tenant.ts";
import type { LeasedTenant } from "./resource.ts";

export interface CompanyRow {
  readonly id: number;
  readonly uuid: string;
  readonly name: string;
  readonly slug: string;
  readonly domain: string;
  readonly base_domain: string;
  readonly owner_name: string;
  readonly owner_email: string;
  readonly desired_state: DesiredState;
  readonly generation: number;
  readonly status: TenantStatus;
  readonly first_active_at: Date | null;
  readonly on_failure: "rollback" | "hold";
  readonly locale: "pt-BR" | "en";
  readonly closed_from: "active" | "suspended" | null;
  readonly purge_after: Date | null;
  readonly created_at: Date;
  readonly plan_code: string;
  readonly plan_name: string;
  readonly plan_isolation: PlanIsolation | null;
  /** Only where a lifecycle reads the row. */
  readonly inspection_due?: boolean;
}

/** All companies with their plans, for narrowing. */
export const companies = (db: Knex): Knex.QueryBuilder =>
  db("companies")
    .leftJoin("subscriptions", "subscriptions.company_id", "companies.id")
    .leftJoin("plans", "plans.id", "subscriptions.plan_id")
    .join("tenant_statuses", "tenant_statuses.company_id", "companies.id")
    .select(
      "companies.*",
      "tenant_statuses.status",
      "plans.code as plan_code",
      "plans.name as plan_name",
      "plans.isolation as plan_isolation",
    );

/** By id, without the derived status, which a lifecycle does not ask for. */
async function readCompany(db: Knex, id: number): Promise<Omit<CompanyRow, "status"> | undefined> {
  return db("companies")
    .leftJoin("subscriptions", "subscriptions.company_id", "companies.id")
    .leftJoin("plans", "plans.id", "subscriptions.plan_id")
    .leftJoin("tenant_inspections", "tenant_inspections.company_id", "companies.id")
    .where("companies.id", id)
    .first("companies.*", "plans.code as plan_code", "plans.name as plan_name", "plans.isolation as plan_isolation", {
      inspection_due: db.raw("coalesce(tenant_inspections.next_at <= now(), false)"),
    });
}

/** By id, uuid or slug, as people type it. */
export function findCompany(db: Knex, reference: string | number): Promise<CompanyRow | undefined> {
  const text = String(reference);
  if (/^[1-9]\d{0,15}$/.test(text)) return companies(db).where("companies.id", Number(text)).first();
  if (/^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(text))
    return companies(db).where("companies.uuid", text).first();
  return companies(db).where("companies.slug", text).first();
}

/** @throws Error when the company is gone, which the lease's foreign key rules out while it is held. */
export async function readLeasedTenant(db: Knex, companyId: number, fence: number): Promise<LeasedTenant> {
  const row = await readCompany(db, companyId);
  if (row === undefined) throw new Error(`company ${companyId} is not there`);
  return toLeasedTenant(row, fence);
}

export function toLeasedTenant(row: Omit<CompanyRow, "status">, fence: number): LeasedTenant {
  return {
    id: row.id,
    uuid: row.uuid,
    slug: row.slug,
    name: row.name,
    baseDomain: row.base_domain,
    desiredState: row.desired_state,
    plan: row.plan_code,
    isolation: row.plan_isolation ?? "pooled",
    fence,
    generation: row.generation,
    owner: { name: row.owner_name, email: row.owner_email },
    wasActive: row.first_active_at !== null,
    onFailure: row.on_failure,
    inspectionDue: row.inspection_due === true,
  };
}
