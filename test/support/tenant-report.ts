/** What the API knows of a tenant, for the message of a wait that failed. */
import type { TenantView } from "../../control-plane/tenants/tenant-schemas.ts";
import { messageOf } from "../../core/errors.ts";
import type { ApiClient } from "./api-client.ts";

/** Returns a line for each resource, the operation and the last acts; of a tenant that is gone, its operation's steps. */
export async function reportTenant(
  api: ApiClient,
  path: `/api/tenants/${string}`,
  operation: string | undefined,
): Promise<string> {
  try {
    const { status, body } = await api.get(path);
    if (status !== 200) return await reportOperation(api, operation);
    const [explanation, audit] = await Promise.all([
      api.get(`${path}/explain`),
      api.get(`/api/audit?limit=10&tenant=${body.id}`),
    ]);
    const { operation: newest, summary } = explanation.body;
    const acts = (audit.body.entries ?? []).map(({ action }) => action).toReversed();
    return [
      ...body.resources.map(lineOf),
      `operation ${newest?.kind} ${newest?.id}: ${newest?.status}`,
      ...summary,
      `last acts: ${acts.join(", ")}`,
    ]
      .map((line) => `  ${line}`)
      .join("\n");
  } catch (error) {
    return `  no report: ${messageOf(error)}`;
  }
}

async function reportOperation(api: ApiClient, operation: string | undefined): Promise<string> {
  if (operation === undefined) return "  there is no such tenant";
  const { status, body } = await api.get(operation);
  if (status !== 200) return `  ${operation} answered ${status}`;
  const steps = (body.steps as TenantView["resources"]).map(lineOf);
  return [`operation ${body.kind}: ${body.status}`, ...steps].map((line) => `  ${line}`).join("\n");
}

function lineOf({ name, status, attempts, lastError }: TenantView["resources"][number]): string {
  const error = lastError === null ? "" : `: ${lastError.code} (${lastError.retry}): ${lastError.message}`;
  return `${name} ${status}, attempt ${attempts}${error}`;
}
