/** The one transaction of a provisioning: everything that should be true of the company, and nothing outside PostgreSQL. */
import type { Knex } from "../../core/db.ts";
import { AppError, isUniqueViolation } from "../../core/errors.ts";
import { hostKinds, slugFromName, slugProblem, tenantHost } from "../../core/tenant.ts";
import { writeAudit } from "../audit.ts";
import type { ControlContext } from "../context.ts";
import { resources } from "../lifecycle/resources/index.ts";
import { claimIdempotencyKey, type IdempotentRequest } from "./idempotency.ts";
import { resolvePlan } from "./plans.ts";
import type { ProvisionRequest } from "./tenant-schemas.ts";

export interface NewCompany {
  readonly request: ProvisionRequest;
  readonly actor: { readonly userId: number; readonly name: string; readonly email: string };
  readonly correlationId: string;
  readonly idempotency: IdempotentRequest | undefined;
}

export interface CreatedCompany {
  readonly companyId: number;
  readonly operationId: string;
  /** This process holds the company's lease from its first moment. */
  readonly fence: number;
}

/**
 * Company, plan, subscription, modules, hosts, wanted resources, lease, operation, idempotency key and audit row, or
 * nothing at all. @throws AppError `slug-taken`, `domain-taken`, `host-taken`, `plan-unknown`, `plan-exists`.
 */
export async function createCompany(ctx: ControlContext, company: NewCompany): Promise<CreatedCompany> {
  const given = company.request.slug;
  for (let attempt = 1; ; attempt += 1) {
    const slug = given ?? (await freeSlug(ctx.db, company.request.name));
    try {
      return await ctx.db.transaction((db) => insertCompany(ctx, db, { ...company, slug }));
    } catch (error) {
      // A derived slug that another request took in between: derive the next one.
      if (given === undefined && attempt < 20 && isUniqueViolation(error, "companies_slug_key")) continue;
      throw namedConflict(error);
    }
  }
}

async function insertCompany(
  ctx: ControlContext,
  db: Knex,
  company: NewCompany & { slug: string },
): Promise<CreatedCompany> {
  const { request, actor, slug } = company;
  const baseDomain = request.baseDomain ?? ctx.config.BASE_DOMAIN;
  if (company.idempotency) await claimIdempotencyKey(db, company.idempotency);
  const plan = await resolvePlan(db, request.plan);
  const owner = request.owner ?? actor;
  const { rows } = await db.raw<{ rows: { id: number; operation_id: string; fence: number }[] }>(insertSql, {
    name: request.name,
    slug,
    domain: request.domain,
    baseDomain,
    ownerName: owner.name,
    ownerEmail: owner.email,
    planId: plan.id,
    hosts: hostKinds.map((kind) => tenantHost(kind, slug, baseDomain)),
    kinds: [...hostKinds],
    resources: resources.map(({ name }) => name),
    dns: ctx.dns.name,
    lessee: ctx.instance,
    leaseSeconds: ctx.config.LEASE_SECONDS,
    requestedBy: `user:${actor.userId}`,
    correlationId: company.correlationId,
  });
  const {
    id: companyId,
    operation_id: operationId,
    fence,
  } = rows[0] as { id: number; operation_id: string; fence: number };
  if (company.idempotency)
    await db("idempotency_keys")
      .where({ key: company.idempotency.key, requested_by: company.idempotency.requestedBy })
      .update({ company_id: companyId });
  await writeAudit(db, {
    actor: `user:${actor.userId}`,
    action: "tenant.requested",
    companyId,
    correlationId: company.correlationId,
    data: { slug, domain: request.domain, plan: plan.code, operationId },
  });
  return { companyId, operationId, fence };
}

const insertSql = `
WITH company AS (
  INSERT INTO companies (name, slug, domain, base_domain, owner_name, owner_email, cluster_id)
  SELECT :name, :slug, :domain, :baseDomain, :ownerName, :ownerEmail, id FROM database_clusters WHERE is_default
  RETURNING id
), subscription AS (
  INSERT INTO subscriptions (company_id, plan_id) SELECT id, :planId FROM company
), granted AS (
  INSERT INTO tenant_modules (company_id, module_code)
  SELECT company.id, module_code FROM company, plan_modules WHERE plan_id = :planId
), hosts AS (
  INSERT INTO domains (company_id, host, kind, provider)
  SELECT company.id, host, kind, :dns FROM company, unnest(CAST(:hosts AS text[]), CAST(:kinds AS text[])) AS given (host, kind)
), wanted AS (
  INSERT INTO tenant_resources (company_id, name) SELECT id, unnest(CAST(:resources AS text[])) FROM company
), lease AS (
  INSERT INTO tenant_leases (company_id, owner, expires_at)
  SELECT id, :lessee, now() + make_interval(secs => :leaseSeconds) FROM company RETURNING token
), operation AS (
  INSERT INTO operations (company_id, kind, requested_by, correlation_id)
  SELECT id, 'provision', :requestedBy, :correlationId FROM company RETURNING id
)
SELECT company.id, operation.id AS operation_id, lease.token AS fence FROM company, operation, lease`;

/** The name's slug, or with the first free number behind it. */
async function freeSlug(db: Knex, name: string): Promise<string> {
  const base = slugFromName(name);
  const taken = new Set<string>(await db("companies").where("slug", "like", `${base}%`).pluck("slug"));
  let slug = base;
  for (let number = 2; taken.has(slug) || slugProblem(slug) !== undefined; number += 1) slug = `${base}-${number}`;
  return slug;
}

function namedConflict(error: unknown): unknown {
  const field = (code: "slug-taken" | "domain-taken" | "host-taken", pointer: string, what: string) =>
    new AppError(code, `Choose another ${what}.`, {
      errors: [{ pointer, detail: "is taken by another company" }],
      cause: error,
    });
  if (isUniqueViolation(error, "companies_slug_key")) return field("slug-taken", "/slug", "slug");
  if (isUniqueViolation(error, "companies_domain_key")) return field("domain-taken", "/domain", "domain");
  if (isUniqueViolation(error, "domains_host_key")) return field("host-taken", "/slug", "slug or base domain");
  return error;
}
