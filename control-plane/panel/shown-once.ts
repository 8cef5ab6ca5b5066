/**
 * A secret on its way from the request that made it to the page that shows it, in a sealed cookie: an address would end
 * up in logs and histories. It is shown once and gone.
 */
import { readCookie } from "../accounts/authenticate.ts";
import type { PanelContext, Visit } from "./panel-context.ts";
import { cookieOptions } from "./session-cookie.ts";

const lifeMs = 120_000;

export interface Shown {
  /** Of the cookie. */
  readonly name: string;
  /** The page's path, the only one that is sent the cookie. */
  readonly path: string;
  /** What it is for, so that it opens nowhere else. */
  readonly seal: string;
}

/** @param value anything that JSON can carry. */
export function keepShown(ctx: PanelContext, { req, res }: Visit, { name, path, seal }: Shown, value: unknown): void {
  const options = { ...cookieOptions(ctx, req), path, maxAge: lifeMs };
  res.cookie(name, ctx.secrets.seal(JSON.stringify(value), `panel:${seal}`), options);
}

/** Undefined when there is none, or when it was tampered with. */
export function takeShown(ctx: PanelContext, { req, res }: Visit, { name, path, seal }: Shown): unknown {
  const sealed = readCookie(req, name);
  if (sealed === undefined) return undefined;
  res.clearCookie(name, { ...cookieOptions(ctx, req), path });
  try {
    return JSON.parse(ctx.secrets.open(sealed, `panel:${seal}`));
  } catch {
    return undefined;
  }
}
