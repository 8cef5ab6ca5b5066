/** A schema that lost its company, as when the registry came from an older backup, becomes one again, data and all. */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import type { Knex } from "../../../core/db.ts";
import { AppError, isUniqueViolation } from "../../../core/errors.ts";
import { grantStatements, registryStatement } from "../../../core/migrations/tenant-schema.ts";
import { unknownVersion } from "../../../core/migrations/version.ts";
import { hostKinds, ownerMark, roleName, schemaName } from "../../../core/tenant.ts";
import { writeAudit } from "../../audit.ts";
import type { ControlContext } from "../../context.ts";
import { passOverUsedIds } from "../../lifecycle/upkeep/used-ids.ts";
import { converge } from "../../lifecycle/converge.ts";
import { listResources, startOperation, type ResourceRow } from "../../lifecycle/operation-store.ts";
import { regrant } from "../../lifecycle/resources/database.ts";
import { ownedResources } from "../../lifecycle/resources/index.ts";
import { isSettled } from "../../lifecycle/status.ts";
import { planAdoption, type AdoptOptions, type AdoptPlan } from "./plan.ts";

const patienceMs = 60_000;

/**
 * Writes the company in one transaction, then converges it: what it lacks (role, Redis user, queue, hosts, certificate,
 * newer migrations) is made, what it has is kept. Answers its rows when it can be served, or cannot be for now.
 * @throws what `planAdoption` throws, before anything is changed.
 */
export async function adoptTenant(ctx: ControlContext, options: AdoptOptions): Promise<readonly ResourceRow[]> {
  const plan = await planAdoption(ctx, options);
  await ctx.db
    .transaction((db) => writeCompany({ ...ctx, db }, plan, options.actor))
    .catch((error: unknown) => {
      // Somebody came between the look and the writing.
      if (!isUniqueViolation(error)) throw error;
      throw new AppError("state-conflict", "its id, slug, domain or host was just taken", { cause: error });
    });
  const deadline = Date.now() + patienceMs;
  for (;;) {
    // Does nothing while the sweep of a control plane is at it.
    await converge(ctx, plan.id);
    const rows = await listResources(ctx.db, plan.id);
    if (isSettled(rows) || Date.now() > deadline) return rows;
    await sleep(250);
  }
}

async function writeCompany(ctx: ControlContext, plan: AdoptPlan, actor: string): Promise<void> {
  const { db } = ctx;
  const { id: companyId, request, owner } = plan;
  const uuid = plan.uuid ?? randomUUID();
  // The next company must not be given this id. What a sequence gave is not undone with the transaction, and harms nobody.
  await passOverUsedIds(ctx);
  // It lived before: whatever fails now, it is never rolled back, and what it lost is never made anew, empty.
  await db.raw(
    `INSERT INTO companies (id, uuid, name, slug, domain, base_domain, owner_name, owner_email, cluster_id, first_active_at, on_failure)
     OVERRIDING SYSTEM VALUE
     SELECT :companyId, :uuid, :name, :slug, :domain, :baseDomain, :ownerName, :ownerEmail, id, now(), 'hold'
     FROM database_clusters WHERE is_default`,
    { companyId, uuid, ...named(request), ownerName: owner.name, ownerEmail: owner.email },
  );
  await db.raw(
    `WITH plan AS (SELECT id FROM plans WHERE code = :plan),
     granted AS (INSERT INTO tenant_modules (company_id, module_code)
                 SELECT :companyId, module_code FROM plan JOIN plan_modules ON plan_id = plan.id)
     INSERT INTO subscriptions (company_id, plan_id) SELECT :companyId, id FROM plan`,
    { companyId, plan: request.plan },
  );
  await db("domains").insert(
    hostKinds.map((kind, i) => ({ company_id: companyId, host: plan.hosts[i], kind, provider: ctx.dns.name })),
  );
  await db("tenant_resources").insert(ownedResources.map(({ name }) => ({ company_id: companyId, name })));
  await markAsOwn(db, { id: companyId, uuid, hasRole: plan.hasRole });
  const correlationId = randomUUID();
  const operationId = await startOperation(db, { companyId, kind: "adopt", requestedBy: actor, correlationId });
  const data = {
    slug: request.slug,
    domain: request.domain,
    plan: request.plan,
    schema: schemaName(companyId),
    operationId,
  };
  await writeAudit(db, { actor, action: "tenant.adopted", companyId, correlationId, data });
}

const named = ({ name, slug, domain, baseDomain }: AdoptPlan["request"]) => ({
  name,
  slug: slug ?? "",
  domain,
  baseDomain,
});

/** Marks what carries none, and gives a role that is there what a restore without privileges did not bring back. */
async function markAsOwn(
  db: Knex,
  { hasRole, ...tenant }: { id: number; uuid: string; hasRole: boolean },
): Promise<void> {
  const mark = pg.escapeLiteral(ownerMark(tenant.uuid));
  const role = pg.escapeIdentifier(roleName(tenant.id));
  const statements = [
    `COMMENT ON SCHEMA ${pg.escapeIdentifier(schemaName(tenant.id))} IS ${mark}`,
    ...(hasRole ? [`COMMENT ON ROLE ${role} IS ${mark}`, ...grantStatements(tenant), ...regrant(tenant)] : []),
    registryStatement(tenant, unknownVersion),
  ];
  for (const statement of statements) await db.raw(statement);
}
