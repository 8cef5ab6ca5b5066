import { AppError } from "../../../core/errors.ts";
import { latestOperation } from "../../lifecycle/operation-store.ts";
import { getCompany, retryTenant } from "../../tenants/change-tenant.ts";
import { presentTenants } from "../../tenants/present-tenant.ts";
import type { TenantView } from "../../tenants/tenant-schemas.ts";
import { toLine } from "../form.ts";
import { takeFirstAccess } from "../first-access.ts";
import { localeOf, show, type PanelContext, type PersonsVisit } from "../panel-context.ts";
import { presentCompany } from "../present-company.ts";
import { presentSteps, summarizeSteps } from "../steps.ts";

/** One company; assets/tenant.js takes its parts marked `data-live` from here again whenever an event arrives. */
export async function showTenant(ctx: PanelContext, visit: PersonsVisit): Promise<void> {
  const locale = localeOf(ctx, visit);
  const tenant = await findTenant(ctx, referenceOf(visit));
  const operation = await latestOperation(ctx.db, tenant.id);
  const isRunning = operation?.status === "running";
  const access = takeFirstAccess(ctx, visit, tenant.id);
  const model = {
    company: presentCompany(locale, tenant),
    steps: presentSteps(locale, tenant.resources),
    progress: summarizeSteps(locale, tenant.resources),
    hasFailed: tenant.resources.some(({ status }) => status === "failed"),
    events: isRunning ? `/api/operations/${operation.id}/events` : undefined,
    access,
    // Without JavaScript the page loads itself again, but not over what is shown only once.
    reloads: isRunning && access === undefined,
    reloadByHand: isRunning && access !== undefined,
  };
  show(ctx, visit, { view: "tenant", title: tenant.name, model });
}

/** "Tentar de novo": what is not there is tried at once, whatever its back-off. */
export async function retryFromPage(ctx: PanelContext, visit: PersonsVisit): Promise<void> {
  const { req, res, actor } = visit;
  const operation = await retryTenant(ctx, { reference: referenceOf(visit), actor, correlationId: req.correlationId });
  res.redirect(303, `/tenants/${operation.company_id}`);
}

/** Id, uuid or slug, as in the API. */
const referenceOf = ({ req }: PersonsVisit): string => toLine(req.params["id"]).slice(0, 64);

async function findTenant(ctx: PanelContext, reference: string): Promise<TenantView> {
  const [tenant] = await presentTenants(ctx, [await getCompany(ctx.db, reference)]);
  if (tenant === undefined) throw new AppError("tenant-not-found", "The company is gone.");
  return tenant;
}
