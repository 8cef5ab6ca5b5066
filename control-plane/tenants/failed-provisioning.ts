import type { Knex } from "../../core/db.ts";
import type { StepRow } from "../lifecycle/operation-store.ts";

/** What is known of a company that was rolled back. */
export interface FailedProvisioning {
  readonly slug: string;
  readonly endedAt: Date;
  /** The resources as they were when it failed. */
  readonly steps: readonly StepRow[];
}

/** Undefined for a company that is still there, also while it is being rolled back, and for one that never was. */
export async function findFailedProvisioning(db: Knex, companyId: number): Promise<FailedProvisioning | undefined> {
  const end = await db("audit_log")
    .where({ company_id: companyId, action: "tenant.rolled-back" })
    .first("created_at", "data");
  if (end === undefined) return undefined;
  const failed = await db("operations")
    .where({ company_id: companyId, status: "failed" })
    .whereNotNull("steps")
    .orderBy("created_at", "desc")
    .first("steps");
  return { slug: end.data.slug, endedAt: end.created_at, steps: failed?.steps ?? [] };
}
