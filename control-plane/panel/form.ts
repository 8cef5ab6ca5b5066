/** Forms as the panel reads them: from its own pages only, small, every field one line of text. */
import express, { type Request, type RequestHandler } from "express";
import { AppError } from "../../core/errors.ts";
import { bodyLimitBytes } from "../../core/http.ts";
import type { ControlContext } from "../context.ts";
import { isSameOrigin } from "../accounts/same-origin.ts";

export type Form = Readonly<Record<string, string>>;

/**
 * Refuses a form that another site sent, then reads the body. The cookie is SameSite=Strict; this is the second lock,
 * and the only one for signing in, where there is no cookie yet. @throws AppError `not-allowed`.
 */
export function acceptForms(ctx: ControlContext): RequestHandler[] {
  return [
    (req, _res, next) => {
      if (!isSameOrigin(ctx, req)) throw new AppError("not-allowed", "The form was sent by another site.");
      next();
    },
    express.urlencoded({ extended: false, limit: bodyLimitBytes, parameterLimit: bodyLimitBytes }),
  ];
}

/** The sent fields without surrounding space, of a field sent twice the first. Characters that PostgreSQL cannot keep are left out. */
export function readForm(req: Request): Form {
  const sent = Object.entries((req.body ?? {}) as Record<string, unknown>);
  return Object.fromEntries(sent.map(([name, value]) => [name, toLine(Array.isArray(value) ? value[0] : value)]));
}

/** A password exactly as it was typed, spaces too: the API takes it the same way. */
export function readSecret(req: Request, name: string): string {
  const value = ((req.body ?? {}) as Record<string, unknown>)[name];
  return typeof value === "string" ? value.slice(0, 200) : "";
}

export const toLine = (value: unknown): string => (typeof value === "string" ? value.replaceAll("\0", "").trim() : "");
