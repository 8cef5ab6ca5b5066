import { isIP } from "node:net";
import type { NextFunction, Request, RequestHandler } from "express";
import { runAsTenant } from "../../core/current-tenant.ts";
import { AppError } from "../../core/errors.ts";
import type { TenancyContext } from "../context.ts";
import { handshakeHost, normaliseHost, plainHostText } from "./host-name.ts";
import type { RequestTenant, ServedTenant } from "../request-tenant.ts";

/**
 * Sets `req.tenant` from the request's host and nothing else; there is no default tenant. Asked anew for each request:
 * a connection is kept while its company's state changes, and may carry requests for hosts it was not made for.
 */
export function resolveTenant(ctx: TenancyContext): RequestHandler {
  const serve = (req: Request, tenant: RequestTenant | undefined, next: NextFunction): void => {
    if (tenant === undefined) throw unknownHost();
    refuseUnlessActive(tenant);
    req.tenant = tenant;
    ctx.touches.touch(tenant.id);
    runAsTenant(tenant, next);
  };
  return (req, _res, next) => {
    const text = plainHostText(req);
    // What is kept is kept by its normalised name: a text that is found is one.
    const found = text === undefined ? undefined : ctx.tenants.fresh(text);
    const host = text === undefined || found !== undefined ? text : normaliseHost(text);
    if (!hasAddress(req)) throw badForwarding();
    const promised = handshakeHost(req);
    if (promised !== undefined && promised !== host)
      throw new AppError("host-mismatch", "Open a new connection for this host.");
    if (host === undefined) throw unknownHost();
    const known = found ?? ctx.tenants.fresh(host);
    if (known === undefined) return ctx.tenants.get(host).then((tenant) => serve(req, tenant, next));
    return serve(req, known, next);
  };
}

/** Without the header it is the socket's own, which is an address as long as the client is there. */
function hasAddress(req: Request): boolean {
  if (req.headers["x-forwarded-for"] === undefined) return req.socket.remoteAddress !== undefined;
  return isIP(req.ip ?? "") !== 0;
}

/** @throws AppError that says why the company is not served now. */
export function refuseUnlessActive({ desiredState, wasActive }: ServedTenant): void {
  switch (desiredState) {
    case "suspended":
      throw new AppError("tenant-suspended", "The company's administrator can ask the platform to lift this.");
    case "closed":
    case "deleted":
      throw new AppError("tenant-deleted", "Nothing is served here any more.");
    case "rolled_back":
      throw unknownHost();
    case "active":
      if (wasActive) return;
      throw new AppError("service-unavailable", "The company is being set up. Try again in a moment.", {
        retryAfterSeconds: 2,
      });
  }
}

/** Only a trusted proxy can bring this about: a socket's own address is one. */
const badForwarding = () =>
  new AppError("invalid-request", "Let the proxy write the client's address and nothing else.", {
    errors: [{ pointer: "#header/X-Forwarded-For", detail: "must be an IP address" }],
  });

const unknownHost = () =>
  new AppError("host-unknown", "Check the address: it is chat.<company>. or api.<company>. and the domain.");
