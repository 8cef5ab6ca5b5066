/** A tenant without a control plane: the registry's rows and the schema, as provisioning leaves them. */
import type { Knex } from "../core/db.ts";
import { AppError } from "../core/errors.ts";
import { makeSchema } from "../core/migrations/make-schema.ts";
import { roleStatements, type SchemaOwner } from "../core/migrations/tenant-schema.ts";
import { hostKinds, tenantHost } from "../core/tenant.ts";
import type { Tenancy } from "../tenant-runtime/library/index.ts";
import type { NewTestTenant, TestTenant } from "./test-tenancy.ts";

const baseDomain = "test";
let made = 0;

/** All or nothing, about a tenth of a second. @throws AppError `plan-unknown`; a unique violation for a slug that is taken. */
export async function createTenant(db: Knex, tenancy: Tenancy, tenant: NewTestTenant): Promise<TestTenant> {
  made += 1;
  const { slug = `tenant-${made}`, name = `Tenant ${made}`, plan = "basic", modules = null } = tenant;
  const { id } = await db.transaction(async (trx) => {
    const hosts = hostKinds.map((kind) => tenantHost(kind, slug, baseDomain));
    const values = {
      slug,
      name,
      domain: `${slug}.${baseDomain}`,
      baseDomain,
      plan,
      modules,
      hosts,
      kinds: [...hostKinds],
    };
    const { rows } = await trx.raw<{ rows: SchemaOwner[] }>(insertSql, values);
    const owner = rows[0];
    if (owner === undefined) throw new AppError("plan-unknown", `There is no active plan ${plan} in this database.`);
    await makeSchema(trx, owner, { before: roleStatements(owner) });
    return owner;
  });
  const served = await tenancy.forTenant(id);
  return { ...served, apiHost: tenantHost("api", slug, baseDomain), chatHost: tenantHost("chat", slug, baseDomain) };
}

const insertSql = `
WITH plan AS (
  SELECT id FROM plans WHERE code = :plan AND is_active
), company AS (
  INSERT INTO companies (name, slug, domain, base_domain, owner_name, owner_email, cluster_id, first_active_at)
  SELECT :name, :slug, :domain, :baseDomain, 'Owner', 'owner@' || :domain, database_clusters.id, now()
  FROM database_clusters, plan WHERE is_default
  RETURNING id, uuid
), subscription AS (
  INSERT INTO subscriptions (company_id, plan_id) SELECT company.id, plan.id FROM company, plan
), granted AS (
  INSERT INTO tenant_modules (company_id, module_code)
  SELECT company.id, code FROM company, unnest(coalesce(CAST(:modules AS text[]),
    ARRAY(SELECT module_code FROM plan_modules JOIN plan ON plan.id = plan_id))) AS code
), hosts AS (
  INSERT INTO domains (company_id, host, kind, domain_status)
  SELECT company.id, host, kind, 'ready'
  FROM company, unnest(CAST(:hosts AS text[]), CAST(:kinds AS text[])) AS given (host, kind)
)
SELECT id, uuid FROM company`;
