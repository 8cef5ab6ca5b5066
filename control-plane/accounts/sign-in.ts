import { AppError } from "../../core/errors.ts";
import { passwordMatches } from "../../core/passwords.ts";
import { writeAudit } from "../audit.ts";
import type { ControlContext } from "../context.ts";
import { platformAudience } from "./authenticate.ts";
import { createSession, rotateSession, type Actor, type Client } from "./session-store.ts";

export const accessTokenSeconds = 3600;

export interface SignedIn {
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly expiresIn: number;
  readonly user: { readonly id: number; readonly email: string; readonly name: string; readonly role: string };
}

/** @throws AppError `invalid-credentials`, the same for an unknown e-mail, a wrong password and a user who was locked out. */
export async function signIn(
  ctx: ControlContext,
  credentials: { email: string; password: string },
  client: Client,
): Promise<SignedIn> {
  const user = await ctx.db("users").whereRaw("lower(email) = lower(?)", [credentials.email]).first();
  const matches = await passwordMatches(credentials.password, user?.password_hash);
  if (!matches || !user.is_active) {
    // What was typed is not kept: it may be a password in the wrong field. A row for both, so that both take as long.
    await writeAudit(ctx.db, {
      actor: user === undefined ? "anonymous" : `user:${user.id}`,
      action: "session.refused",
    });
    throw new AppError("invalid-credentials", "Check e-mail and password.");
  }
  const session = await ctx.db.transaction(async (db) => {
    await db("users").where({ id: user.id }).update({ last_login_at: db.fn.now() });
    const made = await createSession(db, user.id, client);
    await writeAudit(db, { actor: `user:${user.id}`, action: "session.created", data: { sessionId: made.sessionId } });
    return made;
  });
  const actor = { userId: user.id, sessionId: session.sessionId, email: user.email, name: user.name, role: user.role };
  return presentSession(ctx, actor, session.refreshToken);
}

/** @throws AppError `token-invalid` when the refresh token is unknown, expired, revoked or was used before. */
export async function refresh(ctx: ControlContext, refreshToken: string): Promise<SignedIn> {
  const rotated = await rotateSession(ctx.db, refreshToken);
  if (rotated === undefined) throw new AppError("token-invalid", "Sign in again.");
  return presentSession(ctx, rotated.actor, rotated.refreshToken);
}

function presentSession(ctx: ControlContext, actor: Actor, refreshToken: string): SignedIn {
  const claims = { sub: String(actor.userId), sid: actor.sessionId, role: actor.role, type: "access" };
  const { token } = ctx.platformTokens.sign(claims, platformAudience, accessTokenSeconds);
  const user = { id: actor.userId, email: actor.email, name: actor.name, role: actor.role };
  return { accessToken: token, refreshToken, expiresIn: accessTokenSeconds, user };
}
