/** Excluir empresa: what happens and until when there is a way back, the slug typed as confirmation, and a reason. */
import { AppError } from "../../../core/errors.ts";
import { hostKinds, tenantHost } from "../../../core/tenant.ts";
import type { CompanyRow } from "../../lifecycle/tenant-store.ts";
import { deletionSchema } from "../../tenants/changes/schemas.ts";
import { getCompany } from "../../tenants/changes/change-tenant.ts";
import { deleteTenant } from "../../tenants/changes/delete-tenant.ts";
import { acts } from "../acts.ts";
import { readForm, type Form } from "../form.ts";
import type { Locale } from "../locale.ts";
import { localeOf, referenceOf, show, type PanelContext, type PersonsVisit } from "../panel-context.ts";
import { presentProblems, problemsOf, problemsOfError, type Problem } from "../problems.ts";

const dayMs = 86_400_000;

export async function showDeletion(ctx: PanelContext, visit: PersonsVisit): Promise<void> {
  const company = await getCompany(ctx.db, referenceOf(visit));
  if (!acts.delete.fits(company)) return visit.res.redirect(303, `/tenants/${company.id}`);
  showForm(ctx, visit, { company, form: {}, problems: [], status: 200 });
}

export async function deleteFromPage(ctx: PanelContext, visit: PersonsVisit): Promise<void> {
  const form = readForm(visit.req);
  const company = await getCompany(ctx.db, referenceOf(visit));
  const { confirm = "", reason = "" } = form;
  const purgeAfter = form["immediately"] === "yes" ? { purgeAfter: new Date().toISOString() } : {};
  const parsed = deletionSchema.safeParse({ confirm, reason, ...purgeAfter });
  const problems = [
    ...(parsed.success ? [] : problemsOf(parsed.error, form).filter(({ field }) => field !== "confirm")),
    ...(confirm === company.slug ? [] : [wrongSlug(company, confirm)]),
  ];
  if (!parsed.success || problems.length > 0) return showForm(ctx, visit, { company, form, problems, status: 422 });
  const { actor, req, res } = visit;
  try {
    const reference = String(company.id);
    await deleteTenant(ctx, { reference, actor, correlationId: req.correlationId, ...parsed.data });
    res.redirect(303, `/tenants/${company.id}`);
  } catch (error) {
    if (!(error instanceof AppError) || error.status >= 500) throw error;
    const isOfForm = error.code === "state-conflict";
    const refused = isOfForm ? [{ field: "form", kind: error.code }] : problemsOfError(error);
    if (refused.length === 0) throw error;
    showForm(ctx, visit, { company, form, problems: refused, status: error.status });
  }
}

const wrongSlug = ({ slug }: CompanyRow, typed: string): Problem => ({
  field: "confirm",
  kind: typed === "" ? "missing" : "wrong",
  values: { slug },
});

/** Of a company that is deleted already only the day changes. */
const titleOf = (locale: Locale, company: CompanyRow): string =>
  locale.text(company.desired_state === "closed" ? "act.delete.closed" : "act.delete");

interface FormState {
  readonly company: CompanyRow;
  readonly form: Form;
  readonly problems: readonly Problem[];
  readonly status: number;
}

function showForm(ctx: PanelContext, visit: PersonsVisit, { company, form, problems, status }: FormState): void {
  const locale = localeOf(ctx, visit);
  const { DELETION_GRACE_DAYS: days, ARCHIVE_RETENTION_DAYS: exportDays } = ctx.config;
  // What never was served holds nothing that anybody could want back.
  const wasServed = company.first_active_at !== null;
  const model = {
    company,
    form,
    wasServed,
    hosts: hostKinds.map((kind) => tenantHost(kind, company.slug, company.base_domain)),
    keptUntil: wasServed && days > 0 ? new Date(Date.now() + days * dayMs).toISOString() : undefined,
    isClosed: company.desired_state === "closed",
    purgeAfter: company.purge_after?.toISOString(),
    exportDays: locale.days(exportDays),
    isImmediate: form["immediately"] === "yes",
    ...presentProblems(locale, "change", problems),
  };
  show(ctx, visit, { view: "delete", title: titleOf(locale, company), status, model });
}
