import type { Finding } from "../../control-plane/lifecycle/inspection/inspection-store.ts";
import { newCompany, type ApiClient } from "./api-client.ts";
import type { Platform } from "./platform.ts";
import { until } from "./wait.ts";

/** Every company is looked at about once a second. */
export const INSPECTION_HOURS = 1 / 3600;

/** A company of which everything is there. */
export async function provision(api: ApiClient): Promise<{ id: number; path: string; schema: string }> {
  const { body } = await api.post("/api/tenants/provision", newCompany());
  const path = `/api/tenants/${body.tenant.id}`;
  await until(
    () => api.get(path),
    (answer) => answer.body.resources.every((row: { status: string }) => row.status === "ready"),
    { what: "a company" },
  );
  return { id: body.tenant.id, path, schema: body.tenant.schema };
}

/** Waits for an inspection of that result. */
export const inspected = (api: ApiClient, path: string, result: string) =>
  until(
    async () => (await api.get(`${path}/explain`)).body.inspection,
    (inspection) => inspection?.result === result,
    { what: `an inspection that says ${result}` },
  );

/** What the audit log says of a company's drift, oldest first. */
export const actsOf = (platform: Platform, id: number, action: string) =>
  platform.query<{ actor: string; findings: Finding[] }>(
    "SELECT actor, data -> 'findings' AS findings FROM audit_log WHERE company_id = $1 AND action = $2 ORDER BY id",
    [id, action],
  );
