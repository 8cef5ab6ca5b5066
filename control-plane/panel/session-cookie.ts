/** The browser's half of a session: a cookie that scripts cannot read and other sites cannot send. */
import type { CookieOptions, Request, Response } from "express";
import { sessionCookie } from "../accounts/authenticate.ts";
import { sessionDays } from "../accounts/session-store.ts";
import type { ControlContext } from "../context.ts";
import { publicUrl } from "../public-url.ts";

export function setSessionCookie(ctx: ControlContext, { req, res }: Exchange, refreshToken: string): void {
  res.cookie(sessionCookie, refreshToken, { ...cookieOptions(ctx, req), maxAge: sessionDays * 86_400_000 });
}

export function clearSessionCookie(ctx: ControlContext, { req, res }: Exchange): void {
  res.clearCookie(sessionCookie, cookieOptions(ctx, req));
}

/** Secure wherever the browser speaks TLS to us, also behind a proxy; on plain HTTP a Secure cookie would be dropped. */
export function cookieOptions(ctx: ControlContext, req: Request): CookieOptions {
  const secure = req.secure || publicUrl(ctx.config).startsWith("https://");
  return { httpOnly: true, sameSite: "strict", path: "/", secure };
}

interface Exchange {
  readonly req: Request;
  readonly res: Response;
}
