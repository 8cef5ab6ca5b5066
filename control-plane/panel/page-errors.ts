/** Errors as pages: what happened, what to do, and the number to give to support. */
import type { ErrorRequestHandler, RequestHandler } from "express";
import { answerErrors } from "../../core/http.ts";
import { findActor, type Actor, type Role } from "../accounts/authenticate.ts";
import { show, localeOf, type PanelContext, type PersonsVisit, type Visit } from "./panel-context.ts";

/** Pages that nobody has, for browsers; programs and the API keep their problem+json. */
export function missingPage(ctx: PanelContext): RequestHandler {
  return async (req, res, next) => {
    const reads = req.method === "GET" || req.method === "HEAD";
    if (!reads || req.path.startsWith("/api/") || req.accepts(["json", "html"]) !== "html") return next();
    const actor = await findActor(ctx, req);
    if (actor !== undefined) req.actor = actor;
    return showError(ctx, { req, res }, 404);
  };
}

export function answerPageErrors(ctx: PanelContext): ErrorRequestHandler {
  return answerErrors(ctx.log, (req, res, error) => {
    if (error.retryAfterSeconds !== undefined) res.set("Retry-After", String(error.retryAfterSeconds));
    showError(ctx, { req, res }, error.status);
  });
}

/** For a person whose role is below the least one: who may, and that an admin can help. */
export function showLackOfRole(ctx: PanelContext, visit: PersonsVisit, least: Role): void {
  const locale = localeOf(ctx, visit);
  const help = locale.text("problem.role.help", { role: locale.text(`role.${least}`) });
  const model = { status: 403, help, correlationId: visit.req.correlationId };
  show(ctx, visit, { view: "problem", title: locale.text("problem.role.title"), status: 403, model });
}

function showError(ctx: PanelContext, visit: Visit, status: number): void {
  const locale = localeOf(ctx, visit);
  const known = locale.find(`problem.${status}.title`) === undefined ? "other" : String(status);
  const title = locale.text(`problem.${known}.title`);
  const model = { status, help: locale.text(`problem.${known}.help`), correlationId: visit.req.correlationId };
  // Set by whoever looked; an error may come before anybody did.
  const { actor } = visit.req as { actor?: Actor };
  show(ctx, actor ? { ...visit, actor } : visit, { view: "problem", title, status, model });
}
