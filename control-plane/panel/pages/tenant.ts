import { AppError } from "../../../core/errors.ts";
import { dateOfDay, utcDay } from "../../../core/usage/usage.ts";
import { hasRole } from "../../accounts/authenticate.ts";
import type { CompanyRow } from "../../lifecycle/tenant-store.ts";
import { getCompany, retryTenant } from "../../tenants/changes/change-tenant.ts";
import { explainTenant } from "../../tenants/explanation/explain-tenant.ts";
import type { Explanation } from "../../tenants/explanation/schema.ts";
import { presentTenants } from "../../tenants/present-tenant.ts";
import { monthUntil, reportUsage } from "../../tenants/usage/report-usage.ts";
import type { TenantView } from "../../tenants/tenant-schemas.ts";
import { isInspected, presentActs } from "../acts.ts";
import { takeFirstAccess } from "../first-access.ts";
import { localeOf, referenceOf, show, type PanelContext, type PersonsVisit } from "../panel-context.ts";
import { presentCompany } from "../present-company.ts";
import { nextNews, presentInspection } from "../present-inspection.ts";
import { presentSituation } from "../present-situation.ts";
import { presentUsage } from "../present-usage.ts";
import { canRetry, presentSteps, summarizeSteps } from "../steps.ts";
import { showRolledBack } from "./rolled-back.ts";

/**
 * One company; assets/tenant.js takes its parts marked `data-live` from here again whenever an event arrives. What runs
 * is read before what is there: a page that says that nothing runs would otherwise show for ever what was there before.
 */
export async function showTenant(ctx: PanelContext, visit: PersonsVisit): Promise<void> {
  try {
    const explanation = await explainTenant(ctx, referenceOf(visit));
    await showCompany(ctx, visit, { explanation, company: await getCompany(ctx.db, referenceOf(visit)) });
  } catch (error) {
    const isGone = error instanceof AppError && error.code === "tenant-not-found";
    if (!isGone || !(await showRolledBack(ctx, visit))) throw error;
  }
}

/** "Tentar de novo": what is not there is tried at once, whatever its back-off. */
export async function retryFromPage(ctx: PanelContext, visit: PersonsVisit): Promise<void> {
  const { req, res, actor } = visit;
  const operation = await retryTenant(ctx, { reference: referenceOf(visit), actor, correlationId: req.correlationId });
  res.redirect(303, `/tenants/${operation.company_id}`);
}

async function showCompany(
  ctx: PanelContext,
  visit: PersonsVisit,
  { explanation, company }: { explanation: Explanation; company: CompanyRow },
): Promise<void> {
  const locale = localeOf(ctx, visit);
  const { desired_state: desired } = company;
  const [tenant, situation, usage] = await Promise.all([
    view(ctx, company),
    presentSituation(ctx, locale, company),
    reportUsage(ctx, company.id, monthUntil(dateOfDay(utcDay()))),
  ]);
  const { operation } = explanation;
  const isRunning = operation?.status === "running";
  const access = takeFirstAccess(ctx, visit, tenant.id);
  const model = {
    company: presentCompany(locale, tenant),
    situation,
    acts: presentActs(locale, company, { actor: visit.actor, place: "company" }),
    inspection: isInspected(company) ? presentInspection(locale, explanation) : undefined,
    checks: presentActs(locale, company, { actor: visit.actor, place: "inspection" }),
    invitations: presentActs(locale, company, { actor: visit.actor, place: "owner" }),
    steps: presentSteps(locale, tenant.resources, desired),
    progress: summarizeSteps(locale, tenant.resources, desired),
    offersRetry: hasRole(visit.actor, "operator") && canRetry(tenant.resources, desired),
    // A date may be moved meanwhile: the page looks again by itself, see assets/live.js.
    expects: company.purge_after?.toISOString() ?? nextNews(explanation),
    events: isRunning ? `/api/operations/${operation.id}/events` : undefined,
    access,
    usage: presentUsage(locale, usage),
    // Without JavaScript the page loads itself again, but not over what is shown only once.
    reloads: isRunning && access === undefined,
    reloadByHand: isRunning && access !== undefined,
  };
  show(ctx, visit, { view: "tenant", title: tenant.name, model });
}

async function view(ctx: PanelContext, company: CompanyRow): Promise<TenantView> {
  const [tenant] = await presentTenants(ctx, [company]);
  if (tenant === undefined) throw new AppError("tenant-not-found", "The company is gone.");
  return tenant;
}
