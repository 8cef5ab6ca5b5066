/** Who may see a page. */
import type { RequestHandler } from "express";
import { findActor, hasRole, type Role } from "../accounts/authenticate.ts";
import { showLackOfRole } from "./page-errors.ts";
import type { PanelContext, PersonsVisit, Visit } from "./panel-context.ts";

/** A page for everybody. */
export function anyone(ctx: PanelContext, page: (ctx: PanelContext, visit: Visit) => Promise<void>): RequestHandler {
  return (req, res) => page(ctx, { req, res });
}

/**
 * A page for people who have signed in; others go to the sign-in and come back to where they wanted to be.
 * @param role the least that may see it; absent: viewer to read, operator to change, as in the API.
 */
export function person(
  ctx: PanelContext,
  page: (ctx: PanelContext, visit: PersonsVisit) => Promise<void>,
  role?: Role,
): RequestHandler {
  return async (req, res) => {
    const actor = await findActor(ctx, req);
    if (actor !== undefined) {
      req.actor = actor;
      const least = role ?? (req.method === "GET" ? "viewer" : "operator");
      if (!hasRole(actor, least)) return showLackOfRole(ctx, { req, res, actor }, least);
      return page(ctx, { req, res, actor });
    }
    const isPage = req.method === "GET" && req.path !== "/";
    return res.redirect(303, isPage ? `/login?next=${encodeURIComponent(req.originalUrl)}` : "/login");
  };
}

/** The page to go on to after signing in: a path of this site, whatever the address asked for. */
export function safeNext(wanted: unknown): string {
  const isPath = typeof wanted === "string" && /^\/(?![/\\])[\x21-\x7e]*$/.test(wanted) && !wanted.includes("\\");
  return isPath ? wanted : "/tenants";
}
