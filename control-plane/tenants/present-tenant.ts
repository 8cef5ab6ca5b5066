/** Companies and operations as the API shows them. */
import type { Knex } from "../../core/db.ts";
import { publicRedisUrl } from "../../core/redis.ts";
import { queueLabel, redisNamespace, schemaName } from "../../core/tenant.ts";
import { countWorkers } from "../../core/worker-registry.ts";
import type { ControlContext } from "../context.ts";
import { listResources, type OperationRow, type ResourceRow, type StepRow } from "../lifecycle/operation-store.ts";
import { resources } from "../lifecycle/resources/index.ts";
import type { CompanyRow } from "../lifecycle/tenant-store.ts";
import type { OperationView, TenantView } from "./tenant-schemas.ts";

interface DomainRow {
  readonly company_id: number;
  readonly host: string;
  readonly kind: string;
  readonly domain_status: string;
  readonly ssl_status: string;
}

/** Views of many companies in a fixed number of queries. */
export async function presentTenants(ctx: ControlContext, rows: readonly CompanyRow[]): Promise<TenantView[]> {
  const ids = rows.map((row) => row.id);
  const [resourceRows, domainRows, workers] = await Promise.all([
    ctx.db("tenant_resources").whereIn("company_id", ids) as Promise<(ResourceRow & { company_id: number })[]>,
    ctx.db("domains").whereIn("company_id", ids).orderBy("kind", "desc") as Promise<DomainRow[]>,
    countWorkers(ctx.redis, ids).catch(() => undefined),
  ]);
  return rows.map((row) =>
    presentTenant(ctx, row, {
      resources: resourceRows.filter((resource) => resource.company_id === row.id),
      domains: domainRows.filter((domain) => domain.company_id === row.id),
      activeWorkers: workers?.get(row.id) ?? null,
    }),
  );
}

function presentTenant(
  ctx: ControlContext,
  row: CompanyRow,
  parts: { resources: readonly ResourceRow[]; domains: readonly DomainRow[]; activeWorkers: number | null },
): TenantView {
  return {
    id: row.id,
    uuid: row.uuid,
    slug: row.slug,
    name: row.name,
    domain: row.domain,
    baseDomain: row.base_domain,
    status: row.status,
    schema: schemaName(row.id),
    queue: queueLabel(row.id),
    redis: {
      url: `${publicRedisUrl(ctx.redisUrl).replace(/\/\d*$/, "")}/${schemaName(row.id)}`,
      namespace: redisNamespace(row.id),
    },
    plan: { code: row.plan_code, name: row.plan_name },
    owner: { name: row.owner_name, email: row.owner_email },
    hosts: parts.domains.map((domain) => ({
      host: domain.host,
      kind: domain.kind,
      url: tenantUrl(ctx, domain.host),
      domainStatus: domain.domain_status,
      sslStatus: domain.ssl_status,
    })),
    resources: presentResources(parts.resources),
    activeWorkers: parts.activeWorkers,
    purgeAfter: row.purge_after?.toISOString() ?? null,
    createdAt: row.created_at.toISOString(),
  };
}

/** `https://<host>:<port>`, without the port where it is HTTPS's own. */
export function tenantUrl(ctx: ControlContext, host: string): string {
  const port = ctx.config.PUBLIC_HTTPS_PORT ?? ctx.config.RUNTIME_HTTPS_PORT;
  return `https://${host}${port === 443 ? "" : `:${port}`}`;
}

/** In the order in which they are made, without anything secret. */
export function presentResources(rows: readonly (StepRow & Partial<ResourceRow>)[]): TenantView["resources"] {
  const order = resources.map(({ name }) => name);
  return rows
    .toSorted((a, b) => order.indexOf(a.name) - order.indexOf(b.name))
    .map((row) => ({
      name: row.name,
      status: row.status,
      attempts: row.attempts,
      lastError: row.last_error && {
        code: row.last_error.code,
        message: row.last_error.message,
        retry: row.last_error.retry,
      },
      nextAttemptAt:
        row.status === "failed" || row.status === "pending" ? (row.next_attempt_at?.toISOString() ?? null) : null,
    }));
}

export async function presentOperation(db: Knex, operation: OperationRow): Promise<OperationView> {
  const rows = operation.steps ?? (await listResources(db, operation.company_id));
  return operationView(operation, presentResources(rows));
}

export function operationView(operation: OperationRow, steps: OperationView["steps"]): OperationView {
  const self = `/api/operations/${operation.id}`;
  return {
    id: operation.id,
    tenantId: operation.company_id,
    kind: operation.kind,
    status: operation.status,
    steps,
    links: { self, events: `${self}/events`, tenant: `/api/tenants/${operation.company_id}` },
    createdAt: operation.created_at.toISOString(),
    finishedAt: operation.finished_at?.toISOString() ?? null,
  };
}
