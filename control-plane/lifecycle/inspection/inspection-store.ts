/** What the last look at each company found, and what follows from it. */
import type { Knex } from "../../../core/db.ts";
import { writeAudit } from "../../audit.ts";
import type { ControlContext } from "../../context.ts";
import { withFence } from "../endings/end-operation.ts";
import type { LeasedTenant, ResourceName } from "../resource.ts";

/** `healing`: the loop puts it right. `reported`: a person does, or, for `unknown`, nobody could look. */
export interface Finding {
  readonly resource: ResourceName;
  readonly state: "absent" | "drifted" | "unknown";
  readonly why: readonly string[];
  readonly action: "healing" | "reported";
}

export type InspectionResult = "ok" | "drifted" | "unknown";

export interface InspectionRow {
  readonly next_at: Date;
  readonly inspected_at: Date | null;
  readonly result: InspectionResult | null;
  readonly findings: readonly Finding[];
}

export const findInspection = (db: Knex, companyId: number): Promise<InspectionRow | undefined> =>
  db("tenant_inspections").where({ company_id: companyId }).first();

/** Those of the given companies whose last inspection found something that is not as it should be. */
export async function listDrifted(db: Knex, companyIds: readonly number[]): Promise<ReadonlySet<number>> {
  const drifted = db("tenant_inspections")
    .whereIn("company_id", [...companyIds])
    .where({ result: "drifted" });
  return new Set<number>(await drifted.pluck("company_id"));
}

/** Makes the company's turn come at once. */
export async function inspectNow(db: Knex, companyId: number): Promise<void> {
  await db("tenant_inspections")
    .insert({ company_id: companyId, next_at: db.fn.now() })
    .onConflict("company_id")
    .merge(["next_at"]);
}

export interface InspectionOutcome {
  readonly result: InspectionResult;
  readonly findings: readonly Finding[];
  /** Drift that was not known before, and drift that is over. */
  readonly found: readonly Finding[];
  readonly gone: readonly Finding[];
  /** Given to the loop. */
  readonly handOver: readonly ResourceName[];
  readonly nextSeconds: number;
}

/**
 * Findings, rows that become due because of them, and what the audit log says, in one transaction.
 * @throws LeaseLost when another process holds the tenant by now, or something else is wanted of it; nothing is written then.
 */
export async function recordInspection(
  ctx: ControlContext,
  tenant: LeasedTenant,
  outcome: InspectionOutcome,
): Promise<void> {
  const companyId = tenant.id;
  await withFence(ctx, tenant, async (db) => {
    await db("tenant_inspections")
      .insert({
        company_id: companyId,
        next_at: db.raw("now() + make_interval(secs => ?)", [outcome.nextSeconds]),
        inspected_at: db.fn.now(),
        result: outcome.result,
        findings: JSON.stringify(outcome.findings),
      })
      .onConflict("company_id")
      .merge();
    if (outcome.handOver.length > 0)
      await db("tenant_resources")
        .where({ company_id: companyId })
        .whereIn("name", [...outcome.handOver])
        .update({ status: "pending", attempts: 0, next_attempt_at: db.fn.now(), updated_at: db.fn.now() });
    for (const [action, findings] of Object.entries({ found: outcome.found, gone: outcome.gone })) {
      if (findings.length > 0)
        await writeAudit(db, { actor: "system", action: `tenant.drift-${action}`, companyId, data: { findings } });
    }
  });
}
