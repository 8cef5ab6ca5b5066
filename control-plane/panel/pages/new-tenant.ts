/** Nova Empresa. Without JavaScript this page does everything; with it, assets/new-tenant.js asks the API and shows the steps live. */
import { randomUUID } from "node:crypto";
import { AppError } from "../../../core/errors.ts";
import { readIdempotencyKey } from "../../tenants/idempotency.ts";
import { getOperation } from "../../lifecycle/operation-store.ts";
import { findFailedProvisioning } from "../../tenants/failed-provisioning.ts";
import { listPlans } from "../../tenants/plans.ts";
import { provisionTenant } from "../../tenants/provision-tenant.ts";
import { provisionSchema, type ProvisionedView } from "../../tenants/tenant-schemas.ts";
import { readForm, type Form } from "../form.ts";
import { keepFirstAccess } from "../first-access.ts";
import { presentLanguages } from "../locale.ts";
import { localeOf, show, type PanelContext, type PersonsVisit } from "../panel-context.ts";
import { presentPlans } from "../present-plans.ts";
import { presentProblems, problemsOf, problemsOfError, type Problem } from "../problems.ts";
import { presentSteps } from "../steps.ts";
import { requestOf } from "../tenant-form.ts";
import { presentFailed } from "./rolled-back.ts";

export async function showNewTenant(ctx: PanelContext, visit: PersonsVisit): Promise<void> {
  await showForm(ctx, visit, { form: {}, key: randomUUID(), problems: [], status: 200 });
}

/** One company for one shown form, however often it is sent: the form carries its idempotency key. */
export async function createTenant(ctx: PanelContext, visit: PersonsVisit): Promise<void> {
  const form = readForm(visit.req);
  const key = form["key"] || randomUUID();
  const body = requestOf(form);
  const parsed = provisionSchema.safeParse(body);
  if (!parsed.success)
    return showForm(ctx, visit, { form, key, problems: problemsOf(parsed.error, form), status: 422 });
  const { actor, req, res } = visit;
  try {
    const idempotency = readIdempotencyKey(key, { userId: actor.userId, body });
    const company = { request: parsed.data, actor, correlationId: req.correlationId, idempotency };
    const answer = await provisionTenant(ctx, company, { waitSeconds: ctx.config.PROVISION_WAIT_SECONDS });
    const made = answer.body as ProvisionedView;
    keepFirstAccess(ctx, visit, made);
    res.redirect(303, `/tenants/${made.tenant.id}`);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    await showRefusal(ctx, visit, { form, key, error });
  }
}

interface FormState {
  readonly form: Form;
  readonly key: string;
  readonly problems: readonly Problem[];
  readonly status: number;
  /** What failed of the company that this form made, which is gone again. */
  readonly failed?: ReturnType<typeof presentFailed> | undefined;
}

/** Refused, so nothing was made, and the key is still unused; only a key of another company is replaced. */
async function showRefusal(
  ctx: PanelContext,
  visit: PersonsVisit,
  { form, key, error }: { form: Form; key: string; error: AppError },
): Promise<void> {
  if (error.code === "provisioning-failed") return showFailure(ctx, visit, { form, key, error });
  const isOfForm = ["idempotency-mismatch", "idempotency-in-progress"].includes(error.code);
  const problems = isOfForm ? [{ field: "form", kind: error.code }] : problemsOfError(error);
  if (problems.length === 0) throw error;
  const next = error.code === "idempotency-mismatch" ? randomUUID() : key;
  await showForm(ctx, visit, { form, key: next, problems, status: error.status });
}

/** The company is gone again, and its key with it: the same form may be sent once more. */
async function showFailure(
  ctx: PanelContext,
  visit: PersonsVisit,
  { form, key, error }: { form: Form; key: string; error: AppError },
): Promise<void> {
  const operation = await getOperation(ctx.db, error.instance?.split("/").at(-1) ?? "");
  const story = await findFailedProvisioning(ctx.db, operation.company_id);
  if (story === undefined) throw error;
  const failed = presentFailed(localeOf(ctx, visit), story);
  await showForm(ctx, visit, { form, key, problems: [], status: error.status, failed });
}

async function showForm(ctx: PanelContext, visit: PersonsVisit, state: FormState): Promise<void> {
  const locale = localeOf(ctx, visit);
  const plans = await listPlans(ctx.db);
  const chosen = state.form["plan"] || plans[0]?.code;
  const model = {
    form: state.form,
    key: state.key,
    plans: presentPlans(locale, plans, chosen),
    baseDomain: ctx.config.BASE_DOMAIN,
    showsOwner: Boolean(state.form["owner-name"] || state.form["owner-email"]),
    onFailure: state.form["onFailure"] === "hold" ? "hold" : "rollback",
    mailLanguages: presentLanguages(state.form["locale"]),
    showsAdvanced: state.form["onFailure"] === "hold" || state.form["locale"] === "en",
    failed: state.failed,
    steps: presentSteps(locale, []),
    ...presentProblems(locale, "new", state.problems),
  };
  show(ctx, visit, { view: "new-tenant", title: locale.text("new.title"), status: state.status, model });
}
