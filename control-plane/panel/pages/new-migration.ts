/** Nova migração: first what it would do, which changes nothing, then the button that starts exactly that. */
import { AppError } from "../../../core/errors.ts";
import { readMigrations } from "../../../core/migrations/sql-files.ts";
import { hasRole } from "../../accounts/authenticate.ts";
import { refuseOpenRun } from "../../fleet/open-run.ts";
import { planRun, startRun, type RunPlan } from "../../fleet/plan-run.ts";
import { planSql } from "../../fleet/plan-sql.ts";
import { findOpenRun } from "../../fleet/run-store.ts";
import { readForm, toLine, type Form } from "../form.ts";
import { localeOf, show, type PanelContext, type PersonsVisit } from "../panel-context.ts";
import { presentPlan } from "../present-plan.ts";
import { presentProblems, problemsOfError, type Problem } from "../problems.ts";
import { initialForm, readRunForm } from "../run-form.ts";

export async function showNewMigration(ctx: PanelContext, visit: PersonsVisit): Promise<void> {
  const { query } = visit.req;
  const isAsked = typeof query["waves"] === "string";
  // A box that is not ticked is not sent.
  const given = { canary: "no", ...Object.fromEntries(Object.entries(query).map(([name, v]) => [name, toLine(v)])) };
  const form: Form = { ...initialForm(), ...(isAsked ? given : {}) };
  const read = readRunForm(form);
  if ("problems" in read) return showForm(ctx, visit, { form, problems: read.problems, status: 422 });
  try {
    await showForm(ctx, visit, { form, problems: [], status: 200, plan: await planRun(ctx, read.options) });
  } catch (error) {
    await showRefusal(ctx, visit, { form, error });
  }
}

export async function startMigration(ctx: PanelContext, visit: PersonsVisit): Promise<void> {
  const form = { ...initialForm(), canary: "no", ...readForm(visit.req) };
  const read = readRunForm(form);
  if ("problems" in read) return showForm(ctx, visit, { form, problems: read.problems, status: 422 });
  try {
    await refuseOpenRun(ctx.db);
    const id = await startRun(ctx, read.options, `user:${visit.actor.userId}`);
    visit.res.redirect(303, `/migrations/${id}`);
  } catch (error) {
    await showRefusal(ctx, visit, { form, error });
  }
}

async function showRefusal(
  ctx: PanelContext,
  visit: PersonsVisit,
  { form, error }: { form: Form; error: unknown },
): Promise<void> {
  if (!(error instanceof AppError) || error.status >= 500) throw error;
  const found = problemsOfError(error);
  const problems = found.length > 0 ? found : [{ field: "form", kind: error.code }];
  await showForm(ctx, visit, { form, problems, status: error.status });
}

interface FormState {
  readonly form: Form;
  readonly problems: readonly Problem[];
  readonly status: number;
  readonly plan?: RunPlan;
}

async function showForm(ctx: PanelContext, visit: PersonsVisit, { form, problems, status, plan }: FormState) {
  const locale = localeOf(ctx, visit);
  const open = await findOpenRun(ctx.db);
  const files = readMigrations("tenant").map(({ name }) => name);
  const model = {
    form,
    targets: files.toReversed().map((name) => ({ name, chosen: name === form["to"] })),
    isCanary: form["canary"] === "yes",
    plan: plan && { ...presentPlan(locale, plan), sql: await planSql(plan) },
    sent: Object.entries(form).map(([name, value]) => ({ name, value })),
    mayStart: hasRole(visit.actor, "admin") && open === undefined && plan !== undefined && plan.tenants > 0,
    needsAdmin: !hasRole(visit.actor, "admin"),
    openRun: open && `/migrations/${open.id}`,
    ...presentProblems(locale, "runs.new", problems),
  };
  show(ctx, visit, { view: "new-migration", title: locale.text("runs.new.title"), status, model });
}
