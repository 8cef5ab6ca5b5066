import type { Request } from "express";
import { hostText } from "./resolution/host-name.ts";
import type { HostKind } from "../core/tenant.ts";

/** One of the company's hosts as whoever asks can reach it: same scheme, same port. No slash at the end. */
export function hostUrl(req: Request, kind: HostKind): string {
  const host = req.tenant.hosts.find((one) => one.kind === kind)?.host ?? "";
  return `${req.protocol}://${host}${/:\d+$/.exec(hostText(req))?.[0] ?? ""}`;
}
