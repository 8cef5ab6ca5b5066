/** Who is asking: a bearer token (programs) or the panel's session cookie (browsers, same origin only). */
import type { Request, RequestHandler } from "express";
import { AppError } from "../../core/errors.ts";
import type { ControlContext } from "../context.ts";
import { isSameOrigin } from "./same-origin.ts";
import { findSessionUser, type Actor } from "./session-store.ts";

export type { Actor } from "./session-store.ts";

declare global {
  namespace Express {
    interface Request {
      actor: Actor;
    }
  }
}

/** `aud` of the platform's own tokens: no tenant host accepts them. */
export const platformAudience = "secretaria:platform";
export const sessionCookie = "secretaria_session";

/** What each role may includes what those before it may. */
const roles = ["viewer", "operator", "admin"] as const;
export type Role = (typeof roles)[number];

/** The person's role is the least one or above it. */
export const hasRole = (actor: Actor, least: Role): boolean =>
  roles.indexOf(actor.role as Role) >= roles.indexOf(least);

/** @throws AppError `not-allowed` when the person's role is below the least one. */
export function refuseBelow(actor: Actor, least: Role): void {
  if (hasRole(actor, least)) return;
  throw new AppError("not-allowed", `This needs the role ${least}; ask an admin.`);
}

/** Sets `req.actor`, or answers 401 or 403. The session is looked up each time: a revoked one ends at once. */
export function requireUser(ctx: ControlContext, least: Role): RequestHandler {
  return async (req, _res, next) => {
    const actor = await findActor(ctx, req);
    if (actor === undefined)
      throw new AppError("not-authenticated", "Send 'Authorization: Bearer <access token>' from POST /api/auth/login.");
    refuseBelow(actor, least);
    req.actor = actor;
    next();
  };
}

/** @throws AppError `token-invalid` for a bad bearer token; undefined when nothing was sent or the session has ended. */
export async function findActor(ctx: ControlContext, req: Request): Promise<Actor | undefined> {
  const bearer = /^Bearer ([\w.-]+)$/i.exec(req.get("authorization") ?? "")?.[1];
  if (bearer !== undefined) {
    const { sid } = await ctx.platformTokens.verify(bearer, platformAudience);
    return findSessionUser(ctx.db, { id: sid });
  }
  const cookie = readCookie(req, sessionCookie);
  // The cookie is SameSite=Strict; the origin is the second lock on everything that changes something.
  const isReading = req.method === "GET" || req.method === "HEAD";
  if (cookie === undefined || !(isReading || isSameOrigin(ctx, req))) return undefined;
  return findSessionUser(ctx.db, { refreshToken: cookie });
}

export function readCookie(req: Request, name: string): string | undefined {
  const parts = (req.get("cookie") ?? "").split(";").map((part) => part.trim());
  return parts.find((part) => part.startsWith(`${name}=`))?.slice(name.length + 1);
}
