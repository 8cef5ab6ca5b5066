import { releaseLease, takeLease } from "../../control-plane/lifecycle/lease.ts";
import type { Finding } from "../../control-plane/lifecycle/inspection/inspection-store.ts";
import type { Explanation } from "../../control-plane/tenants/explanation/schema.ts";
import type { ApiClient } from "./api-client.ts";
import type { Platform } from "./platform.ts";
import { createTenant, type TestTenant } from "./tenant.ts";
import type { ApiTenant } from "./tenant-waits.ts";
import { until } from "./wait.ts";

type Inspection = NonNullable<Explanation["inspection"]>;

/** Every company is looked at about once a second. */
export const INSPECTION_HOURS = 1 / 3600;

/** A company of which everything is there. */
export async function provision(api: ApiClient): Promise<TestTenant> {
  const tenant = await createTenant(api);
  await tenant.becomesReady();
  return tenant;
}

/** Waits for an inspection of that result, or of that and newer than another. */
export async function inspected(
  api: ApiClient,
  path: ApiTenant["path"],
  result: "ok" | "drifted" | "unknown",
  { after }: { after?: Inspection } = {},
): Promise<Inspection> {
  const isGood = (inspection: Inspection | null) =>
    inspection?.result === result && (inspection.inspectedAt ?? "") > (after?.inspectedAt ?? "");
  const look = async () => (await api.get(`${path}/explain`)).body.inspection;
  return (await until(look, isGood, { what: `an inspection that says ${result}` })) as Inspection;
}

/**
 * Runs the statements while this test holds the tenant's lease: no inspection runs meanwhile, so the next one finds all
 * of the change. An inspection reads the catalog in several queries, a transaction alone does not keep it out.
 */
export async function changeBetweenInspections(
  platform: Platform,
  id: number,
  statements: readonly string[],
): Promise<void> {
  const lease = () => takeLease(platform.ctx, id);
  const fence = await until(lease, (token) => token !== undefined, { what: `the lease of tenant ${id}` });
  try {
    await platform.query(statements.join(";\n"));
  } finally {
    await releaseLease(platform.ctx, id, fence as number);
  }
}

/** What the audit log says of a company's drift, oldest first. */
export const actsOf = (platform: Platform, id: number, action: string) =>
  platform.query<{ actor: string; findings: Finding[] }>(
    "SELECT actor, data -> 'findings' AS findings FROM audit_log WHERE company_id = $1 AND action = $2 ORDER BY id",
    [id, action],
  );
