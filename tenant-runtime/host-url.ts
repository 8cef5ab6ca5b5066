import type { Request } from "express";
import { hostText } from "./resolution/host-name.ts";
import type { HostKind } from "../core/tenant.ts";

/** One of the company's hosts as whoever asks can reach it: same scheme, same port. No slash at the end. */
export function hostUrl({ tenant, protocol, headers }: Request, kind: HostKind): string {
  const host = tenant.hosts.find((one) => one.kind === kind)?.host ?? "";
  return `${protocol}://${host}${/:\d+$/.exec(headers.host ?? "")?.[0] ?? ""}`;
}
