/** The head of a request as a service gets it: the client's own, without what it may not say, and who it is for. */
import type { IncomingHttpHeaders } from "node:http";
import type { Request } from "express";
import type { GatewayRoute } from "../../core/gateway-routes.ts";
import type { TokenService } from "../../core/tokens.ts";
import { requestedHost } from "../resolution/host-name.ts";
import { isHopByHop, namedByConnection } from "./hop-by-hop.ts";

/** A name with '_' is one with '-' to CGI and its heirs. */
const spoofable =
  /_|^(x-tenant-.*|x-plan.*|x-user-.*|x-secretaria-.*|forwarded|x-forwarded.*|x-real-ip|x-client-ip|true-client-ip|x-original-.*|x-rewrite-.*|x-request-id|via)$/;
const identitySeconds = 60;

export function upstreamHeaders(tokens: TokenService, req: Request, route: GatewayRoute): IncomingHttpHeaders {
  const named = namedByConnection(req.headers.connection);
  const isKept = (name: string) =>
    !isHopByHop(name) && !named.has(name) && !spoofable.test(name) && !isOurs(name, route);
  const passed = Object.entries(req.headers).filter(([name]) => isKept(name));
  return { ...Object.fromEntries(passed), ...framing(req.headers), ...identity(tokens, req, route) };
}

/** For the runtime alone. `Expect` was answered by it already. */
const isOurs = (name: string, { passAuthorization }: GatewayRoute): boolean =>
  name === "cookie" || name === "expect" || (name === "authorization" && !passAuthorization);

/** Where the body ends, whatever `Connection` says about it: a head without it makes the body the next request. */
function framing({
  "content-length": length,
  "transfer-encoding": encoding,
}: IncomingHttpHeaders): Record<string, string> {
  if (encoding !== undefined) return { "transfer-encoding": "chunked" };
  return length === undefined ? {} : { "content-length": length };
}

function identity(tokens: TokenService, req: Request, { module, target }: GatewayRoute): Record<string, string> {
  const { tenant, user } = req;
  const claims = { sub: user.id, sid: user.sessionId, tenant_id: tenant.id, plan: tenant.plan, role: user.role };
  const signed = tokens.sign({ ...claims, type: "gateway" }, gatewayAudience(module), identitySeconds);
  return {
    host: new URL(target).host,
    "x-tenant-id": String(tenant.id),
    "x-tenant-uuid": tenant.uuid,
    "x-plan": tenant.plan,
    "x-user-id": user.id,
    "x-user-role": encodeURIComponent(user.role),
    "x-request-id": req.correlationId,
    "x-forwarded-for": req.ip ?? "",
    "x-forwarded-host": requestedHost(req) ?? "",
    "x-forwarded-proto": req.protocol,
    "x-secretaria-identity": signed.token,
  };
}

/** `aud` of what is signed for a module's service: no tenant's host takes it, nor does another module's service. */
const gatewayAudience = (module: string): string => `gateway:${module}`;
