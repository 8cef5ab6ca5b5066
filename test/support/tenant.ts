/** Makes a tenant through the API, as the fixture of a test. */
import type { OperationView, ProvisionedView } from "../../control-plane/tenants/tenant-schemas.ts";
import { newCompany, type Answer, type ApiClient } from "./api-client.ts";
import { tenantAt, type ApiTenant } from "./tenant-waits.ts";

export interface TestTenant extends ApiTenant {
  readonly id: number;
  readonly uuid: string;
  readonly slug: string;
  readonly name: string;
  readonly schema: string;
  /** Host of the chat page. */
  readonly chat: string;
  /** Host of the API. */
  readonly api: string;
  /** The owner's first access token. @throws Error when the answer had none. */
  readonly token: string;
  /** One-time page where the owner sets a password. @throws Error when the answer had none. */
  readonly setupUrl: string;
  readonly operation: OperationView;
  /** 201 when it could be served at once, else 202. */
  readonly answer: Answer<ProvisionedView>;
}

/**
 * Provisions a company that no other test has.
 * @param overrides of `newCompany`. @param headers of the request, e.g. `respondAsync`.
 * @throws Error with status and body when the answer is neither 201 nor 202.
 */
export async function createTenant(
  api: ApiClient,
  overrides: Record<string, unknown> = {},
  headers: Record<string, string> = {},
): Promise<TestTenant> {
  const answer = await api.post("/api/tenants/provision", newCompany(overrides), headers);
  if (answer.status !== 201 && answer.status !== 202)
    throw new Error(`provisioning answered ${answer.status}: ${JSON.stringify(answer.body)}`);
  const { tenant, operation, initialToken, setupUrl } = answer.body;
  const { id, uuid, slug, name, schema, hosts } = tenant;
  const given = <T>(value: T | null | undefined, what: string): T => {
    if (value === null || value === undefined) throw new Error(`${slug} was answered ${answer.status} without ${what}`);
    return value;
  };
  const hostOf = (kind: string) => given(hosts.find((one) => one.kind === kind)?.host, `a host for ${kind}`);
  return {
    ...tenantAt(api, id, operation),
    id,
    uuid,
    slug,
    name,
    schema,
    chat: hostOf("chat"),
    api: hostOf("api"),
    operation,
    answer,
    get token() {
      return given(initialToken, "a token").token;
    },
    get setupUrl() {
      return given(setupUrl, "a set-up link");
    },
  };
}

/** Header of a request that is answered at once; the company is made afterwards. */
export const respondAsync: Record<string, string> = { Prefer: "respond-async" };
