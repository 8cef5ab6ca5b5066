import type { Request } from "express";
import type { ControlContext } from "../context.ts";
import { publicUrl } from "../public-url.ts";

/**
 * True for a request that one of our own pages sent. Browsers say so in Sec-Fetch-Site; one that does not (plain HTTP
 * outside localhost) must name our own origin, as it is reached directly or, behind a proxy, by PUBLIC_URL.
 */
export function isSameOrigin(ctx: ControlContext, req: Request): boolean {
  const site = req.get("sec-fetch-site");
  if (site !== undefined) return site === "same-origin";
  const origin = req.get("origin");
  return origin === `${req.protocol}://${req.get("host")}` || origin === new URL(publicUrl(ctx.config)).origin;
}
