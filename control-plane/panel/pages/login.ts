import { AppError } from "../../../core/errors.ts";
import { findActor, readCookie, sessionCookie } from "../../accounts/authenticate.ts";
import { hasAdmin } from "../../accounts/first-admin.ts";
import { revokeSession } from "../../accounts/session-store.ts";
import { signIn } from "../../accounts/sign-in.ts";
import { clientOf } from "../../api/auth.ts";
import { readForm, readSecret } from "../form.ts";
import { localeOf, show, type PanelContext, type Visit } from "../panel-context.ts";
import { safeNext } from "../people.ts";
import { clearSessionCookie, setSessionCookie } from "../session-cookie.ts";

interface LoginForm {
  readonly email: string;
  readonly next: string;
  readonly refused: boolean;
}

export async function showLogin(ctx: PanelContext, visit: Visit): Promise<void> {
  const next = safeNext(visit.req.query["next"]);
  if (await findActor(ctx, visit.req)) return visit.res.redirect(303, next);
  await showForm(ctx, visit, { email: "", next, refused: false });
}

/** A wrong password gives the form again, with the e-mail kept. */
export async function logIn(ctx: PanelContext, visit: Visit): Promise<void> {
  const form = readForm(visit.req);
  const email = form["email"] ?? "";
  const next = safeNext(form["next"]);
  try {
    const session = await signIn(ctx, { email, password: readSecret(visit.req, "password") }, clientOf(visit.req));
    setSessionCookie(ctx, visit, session.refreshToken);
    visit.res.redirect(303, next);
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "invalid-credentials") throw error;
    await showForm(ctx, visit, { email, next, refused: true });
  }
}

/** Ends the session everywhere, then forgets the cookie; without a session only the latter. */
export async function logOut(ctx: PanelContext, { req, res }: Visit): Promise<void> {
  const refreshToken = readCookie(req, sessionCookie);
  if (refreshToken !== undefined) await revokeSession(ctx.db, { refreshToken }, "session.ended");
  clearSessionCookie(ctx, { req, res });
  res.redirect(303, "/login");
}

async function showForm(ctx: PanelContext, visit: Visit, form: LoginForm): Promise<void> {
  const title = localeOf(ctx, visit).text("login.title");
  const model = { ...form, isNew: !(await hasAdmin(ctx.db)) };
  show(ctx, visit, { view: "login", title, status: form.refused ? 401 : 200, model });
}
