/** The one transaction of a provisioning: everything that should be true of the company, and nothing outside PostgreSQL. */
import type { Knex } from "../../core/db.ts";
import { AppError, isUniqueViolation } from "../../core/errors.ts";
import { hostKinds, slugFromName, slugProblem, tenantHost } from "../../core/tenant.ts";
import type { ControlContext } from "../context.ts";
import { crashPoint } from "../lifecycle/crash-point.ts";
import { ownedResources } from "../lifecycle/resources/index.ts";
import { claimSql, claimValues } from "../warm-pool/claim-spare.ts";
import { claimIdempotencyKey, type IdempotentRequest } from "./idempotency.ts";
import { ensurePlan, refusePlan } from "./plans.ts";
import type { ProvisionRequest } from "./tenant-schemas.ts";

export interface NewCompany {
  readonly request: ProvisionRequest;
  readonly actor: { readonly userId: number; readonly name: string; readonly email: string };
  readonly correlationId: string;
  readonly idempotency: IdempotentRequest | undefined;
  /** Made suspended, so that nobody sees it before its data is in; `mark` is kept in its metadata. */
  readonly imported?: { readonly requestedBy: string; readonly mark: Readonly<Record<string, unknown>> };
}

export interface CreatedCompany {
  readonly companyId: number;
  readonly operationId: string;
  /** This process holds the company's lease from its first moment. */
  readonly fence: number;
  /** Its schema had been made ahead. */
  readonly warm: boolean;
}

/**
 * Company, plan, subscription, modules, hosts, wanted resources, lease, operation, idempotency key and audit row, or
 * nothing at all. @throws AppError `slug-taken`, `domain-taken`, `host-taken`, `plan-unknown`, `plan-exists`.
 */
export async function createCompany(ctx: ControlContext, company: NewCompany): Promise<CreatedCompany> {
  const given = company.request.slug;
  for (let attempt = 1; ; attempt += 1) {
    const slug = given ?? (await freeSlug(ctx.db, company.request.name, attempt));
    try {
      crashPoint(ctx, "active.row.before");
      const created = await insertCompany(ctx, { ...company, slug });
      crashPoint(ctx, "active.row.after");
      ctx.warmPool.created(created.warm ? "warm" : "cold");
      return created;
    } catch (error) {
      // A derived slug that another request took in between: derive the next one.
      if (given === undefined && attempt < 20 && isUniqueViolation(error, "companies_slug_key")) continue;
      throw namedConflict(error);
    }
  }
}

/** One statement; a transaction around it only where something has to be written before. */
async function insertCompany(ctx: ControlContext, company: NewCompany & { slug: string }): Promise<CreatedCompany> {
  const { idempotency, request } = company;
  if (idempotency === undefined && typeof request.plan === "string") return sendInsert(ctx, ctx.db, company);
  return ctx.db.transaction(async (db) => {
    if (idempotency !== undefined) await claimIdempotencyKey(db, idempotency);
    const madePlan = typeof request.plan !== "string" && (await ensurePlan(db, request.plan));
    return sendInsert(ctx, db, { ...company, madePlan });
  });
}

async function sendInsert(
  ctx: ControlContext,
  db: Knex,
  {
    request,
    actor,
    slug,
    correlationId,
    idempotency,
    imported,
    madePlan = false,
  }: NewCompany & { slug: string; madePlan?: boolean },
): Promise<CreatedCompany> {
  const baseDomain = request.baseDomain ?? ctx.config.BASE_DOMAIN;
  const owner = request.owner ?? actor;
  const { rows } = await db.raw<{ rows: CreatedCompany[] }>(insertSql, {
    name: request.name,
    slug,
    domain: request.domain,
    baseDomain,
    ownerName: owner.name,
    ownerEmail: owner.email,
    onFailure: request.onFailure,
    madePlan,
    locale: request.locale ?? "pt-BR",
    plan: typeof request.plan === "string" ? request.plan : request.plan.code,
    hosts: hostKinds.map((kind) => tenantHost(kind, slug, baseDomain)),
    kinds: [...hostKinds],
    resources: ownedResources.map(({ name }) => name),
    dns: ctx.dns.name,
    lessee: ctx.instance,
    leaseSeconds: ctx.config.LEASE_SECONDS,
    actor: imported?.requestedBy ?? `user:${actor.userId}`,
    desired: imported === undefined ? "active" : "suspended",
    metadata: JSON.stringify(imported?.mark ?? {}),
    correlationId,
    key: idempotency?.key ?? null,
    ...claimValues(ctx),
  });
  return rows[0] ?? refusePlan();
}

// A spare has no login of its own: for the dedicated level its database is still to be looked after.
// No spare without a plan and a cluster: a DELETE beside an INSERT of nothing would lose it.
const insertSql = `
WITH plan AS (
  SELECT id, isolation FROM plans WHERE code = :plan AND is_active
), cluster AS (
  SELECT id FROM database_clusters WHERE is_default
), spare AS (
  DELETE FROM spare_tenants WHERE EXISTS (SELECT FROM plan, cluster) AND id = (${claimSql}) RETURNING id, uuid
), company AS (
  INSERT INTO companies (id, uuid, name, slug, domain, base_domain, owner_name, owner_email, locale, on_failure, made_plan,
    desired_state, metadata, cluster_id)
  OVERRIDING SYSTEM VALUE
  SELECT coalesce(spare.id, nextval(pg_get_serial_sequence('companies', 'id'))), coalesce(spare.uuid, gen_random_uuid()),
         :name, :slug, :domain, :baseDomain, :ownerName, :ownerEmail, :locale, :onFailure, :madePlan, :desired,
         CAST(:metadata AS jsonb), cluster.id
  FROM cluster CROSS JOIN plan LEFT JOIN spare ON true
  RETURNING id
), subscription AS (
  INSERT INTO subscriptions (company_id, plan_id) SELECT company.id, plan.id FROM company, plan
), granted AS (
  INSERT INTO tenant_modules (company_id, module_code)
  SELECT company.id, module_code FROM company, plan JOIN plan_modules ON plan_id = plan.id
), hosts AS (
  INSERT INTO domains (company_id, host, kind, provider)
  SELECT company.id, host, kind, :dns FROM company, unnest(CAST(:hosts AS text[]), CAST(:kinds AS text[])) AS given (host, kind)
), wanted AS (
  INSERT INTO tenant_resources (company_id, name, status, next_attempt_at, ready_at)
  SELECT company.id, given.name, CASE WHEN spare.id IS NULL THEN 'pending' ELSE 'ready' END,
         CASE WHEN spare.id IS NULL THEN now() END, CASE WHEN spare.id IS NOT NULL THEN now() END
  FROM company CROSS JOIN plan CROSS JOIN unnest(CAST(:resources AS text[])) AS given (name)
  LEFT JOIN spare ON given.name = 'database' AND plan.isolation = 'pooled'
), lease AS (
  INSERT INTO tenant_leases (company_id, owner, expires_at)
  SELECT id, :lessee, now() + make_interval(secs => :leaseSeconds) FROM company RETURNING token
), operation AS (
  INSERT INTO operations (company_id, kind, requested_by, correlation_id)
  SELECT id, 'provision', :actor, :correlationId FROM company RETURNING id
), claimed AS (
  UPDATE idempotency_keys SET company_id = company.id FROM company WHERE key = :key AND requested_by = :actor
), audited AS (
  INSERT INTO audit_log (id, previous_hash, hash, actor, action, company_id, correlation_id, data)
  SELECT 0, '', '', :actor, 'tenant.requested', company.id, :correlationId,
         jsonb_build_object('slug', CAST(:slug AS text), 'domain', CAST(:domain AS text), 'plan', CAST(:plan AS text), 'operationId', operation.id)
  FROM company, operation
)
SELECT company.id AS "companyId", operation.id AS "operationId", lease.token AS fence, EXISTS (SELECT FROM spare) AS warm
FROM company, operation, lease`;

/**
 * The name's slug, or with the first free number behind it. Rivals for one number would meet again at the next: later
 * attempts begin further on, each somewhere else.
 */
async function freeSlug(db: Knex, name: string, attempt: number): Promise<string> {
  const base = slugFromName(name);
  const taken = new Set<string>(await db("companies").where("slug", "like", `${base}%`).pluck("slug"));
  let number = attempt < 3 ? 2 : 2 + Math.floor(Math.random() * Math.min(2 ** attempt, 900));
  let slug = attempt < 3 ? base : numbered(base, number);
  for (; taken.has(slug) || slugProblem(slug) !== undefined; number += 1) slug = numbered(base, number);
  return slug;
}

/** `padaria-7`, short enough for a slug whatever the number. */
const numbered = (base: string, number: number): string =>
  `${base.slice(0, 31 - String(number).length).replace(/-+$/, "")}-${number}`;

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
