/** Entrar como a empresa: asks why, then shows the way in, once. */
import { AppError } from "../../../core/errors.ts";
import type { CompanyRow } from "../../lifecycle/tenant-store.ts";
import { getCompany } from "../../tenants/changes/change-tenant.ts";
import { grantImpersonation } from "../../tenants/changes/impersonate.ts";
import { impersonationSchema } from "../../tenants/changes/schemas.ts";
import { acts } from "../acts.ts";
import { readForm, type Form } from "../form.ts";
import { localeOf, referenceOf, show, type PanelContext, type PersonsVisit } from "../panel-context.ts";
import { presentProblems, problemsOf, type Problem } from "../problems.ts";
import { keepShown, takeShown, type Shown } from "../shown-once.ts";

interface Link {
  readonly url: string;
  /** ISO 8601. */
  readonly expiresAt: string;
}

export async function showImpersonation(ctx: PanelContext, visit: PersonsVisit): Promise<void> {
  const company = await getCompany(ctx.db, referenceOf(visit));
  const link = takeShown(ctx, visit, placeOf(company)) as Link | undefined;
  if (link === undefined && !acts.impersonate.fits(company)) return visit.res.redirect(303, `/tenants/${company.id}`);
  showPage(ctx, visit, { company, link, form: {}, problems: [], status: 200 });
}

/** Loading the answer again grants nothing more. */
export async function impersonate(ctx: PanelContext, visit: PersonsVisit): Promise<void> {
  const { actor, req, res } = visit;
  const form = readForm(req);
  const company = await getCompany(ctx.db, referenceOf(visit));
  const refuse = (problems: readonly Problem[], status: number) =>
    showPage(ctx, visit, { company, link: undefined, form, problems, status });
  const parsed = impersonationSchema.safeParse({ reason: form["reason"] });
  if (!parsed.success) return refuse(problemsOf(parsed.error, form), 422);
  try {
    const grant = {
      reference: String(company.id),
      reason: parsed.data.reason,
      actor,
      correlationId: req.correlationId,
    };
    const { url, expiresAt } = await grantImpersonation(ctx, grant);
    keepShown(ctx, visit, placeOf(company), { url, expiresAt: expiresAt.toISOString() } satisfies Link);
    res.redirect(303, placeOf(company).path);
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "state-conflict") throw error;
    refuse([{ field: "form", kind: error.code }], 409);
  }
}

const placeOf = ({ id }: Pick<CompanyRow, "id">): Shown => ({
  name: "secretaria_impersonation",
  path: `/tenants/${id}/impersonate`,
  seal: `impersonation:${id}`,
});

interface PageState {
  readonly company: CompanyRow;
  readonly link: Link | undefined;
  readonly form: Form;
  readonly problems: readonly Problem[];
  readonly status: number;
}

function showPage(ctx: PanelContext, visit: PersonsVisit, state: PageState): void {
  const { company, link, form, problems, status } = state;
  const locale = localeOf(ctx, visit);
  const model = { company, link, form, ...presentProblems(locale, "impersonate", problems) };
  show(ctx, visit, { view: "impersonate", title: locale.text("act.impersonate"), status, model });
}
