import type { Knex } from "../../core/db.ts";
import { readPlanTerms, type PlanIsolation } from "../../core/plan-terms.ts";
import { registryPatienceMs } from "../../core/registry.ts";
import type { DesiredState, HostKind } from "../../core/tenant.ts";
import type { TenantPool } from "../../core/tenant-db/tenant-pool.ts";
import type { Found } from "./registry-cache.ts";
import type { RequestTenant, ServedTenant, TenantHost } from "../request-tenant.ts";

interface Row {
  readonly id: number;
  readonly uuid: string;
  readonly slug: string;
  readonly name: string;
  readonly base_domain: string;
  readonly desired_state: DesiredState;
  readonly was_active: boolean;
  readonly plan: string | null;
  readonly limits: Record<string, unknown> | null;
  readonly isolation: PlanIsolation | null;
  readonly modules: string[];
  readonly hosts: TenantHost[] | null;
}

const tenantColumns = `c.id, c.uuid, c.slug, c.name, c.base_domain, c.desired_state,
            c.first_active_at IS NOT NULL AS was_active, p.code AS plan, p.limits, p.isolation,
            ARRAY(SELECT module_code FROM tenant_modules WHERE company_id = c.id ORDER BY module_code) AS modules,
            (SELECT json_agg(json_build_object('host', o.host, 'kind', o.kind) ORDER BY o.id) FROM domains o
              WHERE o.company_id = c.id AND o.kind IN ('chat', 'api') AND o.domain_status <> 'removed') AS hosts`;

const itsPlan = `LEFT JOIN subscriptions s ON s.company_id = c.id
       LEFT JOIN plans p ON p.id = s.plan_id`;

/** The tenants that answer on exactly these hosts. A host that was taken away still tells that its company was deleted. */
export async function findTenantsByHost(
  registry: Knex,
  pool: TenantPool,
  hosts: readonly string[],
): Promise<ReadonlyMap<string, Found<RequestTenant>>> {
  const asked = registry.raw<{ rows: (Row & { host: string; host_kind: HostKind })[] }>(
    `SELECT ${tenantColumns}, d.host, d.kind AS host_kind
       FROM domains d
       JOIN companies c ON c.id = d.company_id
       ${itsPlan}
      WHERE d.host = ANY(?) AND d.kind IN ('chat', 'api')
        AND (d.domain_status <> 'removed' OR c.desired_state = 'deleted')`,
    [[...hosts]],
  );
  const { rows } = await asked.timeout(registryPatienceMs);
  return new Map(
    rows.map((row) => [row.host, { companyId: row.id, value: { ...toTenant(row, pool), hostKind: row.host_kind } }]),
  );
}

/** For code that serves no request: jobs and scripts know the company by its id. */
export async function findTenantById(
  registry: Knex,
  pool: TenantPool,
  id: number,
): Promise<Found<ServedTenant> | undefined> {
  const { rows } = await registry.raw<{ rows: Row[] }>(
    `SELECT ${tenantColumns} FROM companies c ${itsPlan} WHERE c.id = ?`,
    [id],
  );
  const row = rows[0];
  return row && { companyId: row.id, value: toTenant(row, pool) };
}

function toTenant(row: Row, pool: TenantPool): ServedTenant {
  const terms = readPlanTerms(row.limits, row.isolation ?? "pooled");
  return {
    id: row.id,
    uuid: row.uuid,
    slug: row.slug,
    name: row.name,
    baseDomain: row.base_domain,
    desiredState: row.desired_state,
    plan: row.plan ?? "",
    terms,
    modules: row.modules,
    hosts: row.hosts ?? [],
    wasActive: row.was_active,
    ...pool.forTenant(row, terms),
  };
}
