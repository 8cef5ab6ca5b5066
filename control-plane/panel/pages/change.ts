/** A page for each change that asks for no more than a reason: it says what will happen, then does it. */
import { AppError } from "../../../core/errors.ts";
import type { OperationRow } from "../../lifecycle/operation-store.ts";
import type { CompanyRow } from "../../lifecycle/tenant-store.ts";
import { reasonSchema } from "../../tenants/changes/schemas.ts";
import { getCompany, resumeTenant, suspendTenant, type Reasoned } from "../../tenants/changes/change-tenant.ts";
import { reconcileTenant } from "../../tenants/changes/reconcile-tenant.ts";
import { undeleteTenant } from "../../tenants/changes/delete-tenant.ts";
import type { ControlContext } from "../../context.ts";
import { acts, type ActName } from "../acts.ts";
import { readForm, type Form } from "../form.ts";
import { localeOf, referenceOf, show, type PanelContext, type PersonsVisit } from "../panel-context.ts";
import { presentProblems, problemsOf, type Problem } from "../problems.ts";

type ReasonedAct = Exclude<ActName, "delete" | "invite" | "impersonate">;

const changes: Readonly<Record<ReasonedAct, (ctx: ControlContext, change: Reasoned) => Promise<OperationRow>>> = {
  suspend: suspendTenant,
  resume: resumeTenant,
  undelete: undeleteTenant,
  reconcile: reconcileTenant,
};

type Page = (ctx: PanelContext, visit: PersonsVisit) => Promise<void>;

/** To a company in another state there is nothing to do: back to its page, which says how it stands. */
export const showChange =
  (act: ReasonedAct): Page =>
  async (ctx, visit) => {
    const company = await getCompany(ctx.db, referenceOf(visit));
    if (!acts[act].fits(company)) return visit.res.redirect(303, `/tenants/${company.id}`);
    showForm(ctx, visit, { act, company, form: {}, problems: [], status: 200 });
  };

export const makeChange =
  (act: ReasonedAct): Page =>
  async (ctx, visit) => {
    const form = readForm(visit.req);
    const company = await getCompany(ctx.db, referenceOf(visit));
    const parsed = reasonSchema.safeParse(form["reason"] ? { reason: form["reason"] } : {});
    if (!parsed.success)
      return showForm(ctx, visit, { act, company, form, problems: problemsOf(parsed.error, form), status: 422 });
    const { actor, req, res } = visit;
    try {
      const reference = String(company.id);
      await changes[act](ctx, { reference, actor, correlationId: req.correlationId, ...parsed.data });
      res.redirect(303, `/tenants/${company.id}`);
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== "state-conflict") throw error;
      showForm(ctx, visit, { act, company, form, problems: [{ field: "form", kind: error.code }], status: 409 });
    }
  };

interface FormState {
  readonly act: ReasonedAct;
  readonly company: CompanyRow;
  readonly form: Form;
  readonly problems: readonly Problem[];
  readonly status: number;
}

function showForm(ctx: PanelContext, visit: PersonsVisit, { act, company, form, problems, status }: FormState): void {
  const locale = localeOf(ctx, visit);
  const model = {
    act,
    company,
    form,
    about: locale.text(`change.${act}.about`),
    submit: locale.text(`act.${act}`),
    ...presentProblems(locale, "change", problems),
  };
  show(ctx, visit, { view: "change", title: locale.text(`change.${act}.title`), status, model });
}
