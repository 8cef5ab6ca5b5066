/** Who writes on the chat page: a random cookie of the browser, known to the database only by its hash. */
import { randomBytes } from "node:crypto";
import type { Request, Response } from "express";
import { AppError } from "../../../core/errors.ts";
import { sha256Hex } from "../../../core/secrets.ts";

const cookieDays = 180;
const idPattern = /^[\w-]{22}$/;

/** Over TLS the prefix keeps other hosts of the domain from planting the cookie (RFC 6265bis, 4.1.3). */
const cookieName = (req: Request): string => (req.secure ? "__Host-secretaria_visitor" : "secretaria_visitor");

/** `contact_key` of the visitor's conversation, or undefined for a browser that was never here. */
export function findVisitor(req: Request): string | undefined {
  const prefix = `${cookieName(req)}=`;
  const cookies = (req.get("cookie") ?? "").split(";").map((part) => part.trim());
  const id = cookies.find((cookie) => cookie.startsWith(prefix))?.slice(prefix.length) ?? "";
  return idPattern.test(id) ? sha256Hex(id) : undefined;
}

/** The same, giving a new browser its cookie with this answer. */
export function ensureVisitor(req: Request, res: Response): string {
  const known = findVisitor(req);
  if (known !== undefined) return known;
  const id = randomBytes(16).toString("base64url");
  res.cookie(cookieName(req), id, {
    httpOnly: true,
    sameSite: "lax",
    secure: req.secure,
    path: "/",
    maxAge: cookieDays * 86_400_000,
  });
  return sha256Hex(id);
}

/**
 * Refuses what another site's page sends. Browsers say where a request comes from; programs send neither header.
 * @throws AppError `not-allowed`
 */
export function refuseOtherSites(req: Request): void {
  const site = req.get("sec-fetch-site");
  const origin = req.get("origin");
  const isOwn =
    site === undefined
      ? origin === undefined || hostOf(origin) === req.headers.host?.toLowerCase()
      : site === "same-origin" || site === "none";
  if (!isOwn) throw new AppError("not-allowed", "Send this from the company's own page.");
}

const hostOf = (origin: string): string | undefined => (URL.canParse(origin) ? new URL(origin).host : undefined);
