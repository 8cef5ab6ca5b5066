import type { Request, Response } from "express";
import type { Actor } from "../accounts/session-store.ts";
import type { ControlContext } from "../context.ts";
import { chooseLocale, type Locale } from "./locale.ts";
import { toLine } from "./form.ts";
import { sendPage, type Page, type Views } from "./render.ts";

/** What the panel's pages are given first. */
export interface PanelContext extends ControlContext {
  readonly views: Views;
}

export interface Visit {
  readonly req: Request;
  readonly res: Response;
}

/** A visit by somebody who has signed in. */
export interface PersonsVisit extends Visit {
  readonly actor: Actor;
}

/** Id, uuid or slug, as in the API. */
export const referenceOf = ({ req }: Visit): string => toLine(req.params["id"]).slice(0, 64);

export const localeOf = (ctx: PanelContext, { req }: Visit): Locale => chooseLocale(ctx.views.locales, req);

/** Answers with a page; who has signed in is in its header. */
export function show(ctx: PanelContext, visit: Visit | PersonsVisit, page: Omit<Page, "actor">): void {
  sendPage(ctx.views, visit, { ...page, actor: "actor" in visit ? visit.actor : undefined });
}
