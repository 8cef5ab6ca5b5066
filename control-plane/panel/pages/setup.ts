import { AppError } from "../../../core/errors.ts";
import { createFirstAdmin, hasAdmin } from "../../accounts/first-admin.ts";
import { signIn } from "../../accounts/sign-in.ts";
import { adminSchema, clientOf } from "../../api/auth.ts";
import { readForm, readSecret, type Form } from "../form.ts";
import { localeOf, show, type PanelContext, type Visit } from "../panel-context.ts";
import { presentProblems, problemsOf, type Problem } from "../problems.ts";
import { setSessionCookie } from "../session-cookie.ts";

export async function showSetup(ctx: PanelContext, visit: Visit): Promise<void> {
  if (await hasAdmin(ctx.db)) return showDone(ctx, visit, 200);
  showForm(ctx, visit, { form: {}, problems: [] });
}

/** Makes the first admin with the one-time link's token and signs them in; with wrong fields the link stays good. */
export async function setUp(ctx: PanelContext, visit: Visit): Promise<void> {
  if (await hasAdmin(ctx.db)) return showDone(ctx, visit, 409);
  const form = readForm(visit.req);
  const { token = "", name = "", email = "" } = form;
  const parsed = adminSchema.safeParse({ token, name, email, password: readSecret(visit.req, "password") });
  if (!parsed.success) return showForm(ctx, visit, { form, problems: problemsOf(parsed.error, form) });
  const { token: used, ...admin } = parsed.data;
  try {
    await createFirstAdmin(ctx, used, admin);
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "link-invalid") throw error;
    return showForm(ctx, visit, { form, problems: [{ field: "token", kind: "used" }], status: 401 });
  }
  const session = await signIn(ctx, admin, clientOf(visit.req));
  setSessionCookie(ctx, visit, session.refreshToken);
  visit.res.redirect(303, "/tenants");
}

function showForm(
  ctx: PanelContext,
  visit: Visit,
  { form, problems, status = 422 }: { form: Form; problems: readonly Problem[]; status?: number },
): void {
  const locale = localeOf(ctx, visit);
  const model = { form: { ...form, password: "" }, ...presentProblems(locale, "setup", problems) };
  show(ctx, visit, {
    view: "setup",
    title: locale.text("setup.title"),
    status: problems.length > 0 ? status : 200,
    model,
  });
}

function showDone(ctx: PanelContext, visit: Visit, status: number): void {
  show(ctx, visit, { view: "setup-done", title: localeOf(ctx, visit).text("setup.title"), status });
}
