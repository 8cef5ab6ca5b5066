/** A tenant as the API shows it, and waits for what becomes of it that also see what else became of it. */
import type { StartedChange } from "../../control-plane/tenants/changes/schemas.ts";
import type { OperationView, TenantView } from "../../control-plane/tenants/tenant-schemas.ts";
import { messageOf } from "../../core/errors.ts";
import type { Answer, ApiClient } from "./api-client.ts";
import { reportTenant } from "./tenant-report.ts";
import { until } from "./wait.ts";

export interface Wait {
  /** Default: 20. */
  readonly seconds?: number;
}

/** Each wait returns the tenant's details as they were then, and throws an error that says what it saw. */
export interface ApiTenant {
  readonly path: `/api/tenants/${string}`;
  /** @throws Error when the API refuses. */
  get(): Promise<TenantView>;
  /** Waits for a status. @throws Error at once when another is reached from which this one cannot follow by itself. */
  becomes(status: TenantView["status"], wait?: Wait): Promise<TenantView>;
  /** Waits until every resource is ready. @throws Error at once when the tenant failed, was deleted or rolled back. */
  becomesReady(wait?: Wait): Promise<TenantView>;
  /** Waits for that many workers. @throws Error as `becomesReady`. */
  hasWorkers(count: number, wait?: Wait): Promise<TenantView>;
  /** Waits for details that are good. @throws Error at once when the tenant was deleted or rolled back. */
  shows(isGood: (tenant: TenantView) => boolean, wait: Wait & { readonly what: string }): Promise<TenantView>;
  /** Asks for the removal at once, without a grace period; `becomes("deleted")` waits for it. */
  purge(): Promise<Answer<StartedChange>>;
}

/** Returns the tenant of an id, uuid or slug; whether there is one is not asked. */
export function tenantAt(api: ApiClient, reference: string | number, operation?: OperationView): ApiTenant {
  const path = `/api/tenants/${reference}` as const;
  const wait = (options: WaitOptions) => waitForTenant(api, { path, operation: operation?.links.self, ...options });
  const endings: readonly TenantView["status"][] = ["failed", "deleted"];
  return {
    path,
    async get() {
      const { status, body } = await api.get(path);
      if (status !== 200) throw new Error(`GET ${path} answered ${status}: ${JSON.stringify(body)}`);
      return body;
    },
    becomes: (status, options) =>
      wait({ what: `'${status}'`, isGood: (tenant) => tenant.status === status, endings, ...options }),
    becomesReady: (options) =>
      wait({
        what: "every resource ready",
        isGood: ({ resources }) => resources.every((row) => row.status === "ready"),
        endings,
        ...options,
      }),
    hasWorkers: (count, options) =>
      wait({
        what: `${count} active workers`,
        isGood: ({ activeWorkers }) => activeWorkers === count,
        endings,
        ...options,
      }),
    shows: (isGood, options) => wait({ isGood, endings: ["deleted"], ...options }),
    async purge() {
      const answer = await api.purge(path);
      if (answer.status !== 202)
        throw new Error(`DELETE ${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
      return answer;
    },
  };
}

/** Returns the row of a resource. @throws Error when the tenant has none of that name. */
export function resourceOf({ slug, resources }: TenantView, name: string): TenantView["resources"][number] {
  const row = resources.find((one) => one.name === name);
  if (row === undefined) throw new Error(`${slug} has no resource '${name}'`);
  return row;
}

interface WaitOptions extends Wait {
  readonly what: string;
  readonly isGood: (tenant: TenantView) => boolean;
  /** Statuses that only another request changes. A tenant that is not found was rolled back. */
  readonly endings: readonly TenantView["status"][];
}

async function waitForTenant(
  api: ApiClient,
  {
    path,
    operation,
    isGood,
    endings,
    ...wait
  }: WaitOptions & Pick<ApiTenant, "path"> & { operation?: string | undefined },
): Promise<TenantView> {
  const seen: string[] = [];
  const look = async () => {
    const { status, body } = await api.get(path);
    const state = status === 200 ? body.status : `${status} ${body.code}`;
    if (seen.at(-1) !== state) seen.push(state);
    const isOver = status === 404 || (status === 200 && endings.includes(body.status) && !isGood(body));
    if (isOver) throw new Error(`${wait.what} cannot follow from '${state}'`);
    return { status, body };
  };
  try {
    return (await until(look, ({ status, body }) => status === 200 && isGood(body), wait)).body;
  } catch (cause) {
    const report = await reportTenant(api, path, operation);
    throw new Error(`${path}: ${messageOf(cause)}\n  was ${seen.join(", ")}\n${report}`, { cause });
  }
}

/** Waits until an operation has succeeded. @throws Error with its steps at once when it failed instead. */
export const operationSucceeds = (api: ApiClient, path: string): Promise<OperationView> =>
  operationEnds(api, path, "succeeded");

/** Waits until an operation has failed. @throws Error with its steps at once when it succeeded instead. */
export const operationFails = (api: ApiClient, path: string): Promise<OperationView> =>
  operationEnds(api, path, "failed");

async function operationEnds(
  api: ApiClient,
  path: string,
  wanted: Exclude<OperationView["status"], "running">,
): Promise<OperationView> {
  const look = () => api.get(path as `/api/operations/${string}`);
  const hasEnded = ({ status, body }: Answer<OperationView>) => status === 200 && body.status !== "running";
  const { body } = await until(look, hasEnded, { what: `the end of ${path}` });
  if (body.status !== wanted) throw new Error(`${path} ${body.status}: ${JSON.stringify(body, undefined, 1)}`);
  return body;
}
