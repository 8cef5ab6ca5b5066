/** Who is asking, on a tenant's host: a token of this tenant, with a session that is still alive. */
import type { Request, RequestHandler } from "express";
import jwt from "jsonwebtoken";
import { AppError } from "../../core/errors.ts";
import { tenantAudience } from "../../core/tenant.ts";
import type { Claims, TokenService } from "../../core/tokens.ts";
import type { TenancyContext } from "../context.ts";
import { findSessionUser } from "../modules/access/session-user.ts";
import { createRevokedTokens } from "./revoked-tokens.ts";

/** Sets `req.user`, or answers 401 or 403. The session is looked up each time: a revoked one ends at once. */
export function guardTenant(ctx: TenancyContext): RequestHandler {
  const isRevoked = createRevokedTokens(ctx.registry, ctx.config.RESOLUTION_STALE_SECONDS * 1000);
  return async (req, _res, next) => {
    const claims = await verifyToken(ctx.tokens, req);
    const [user, revoked] = await Promise.all([findSessionUser(req.tenant.db, claims.sid), isRevoked(claims.jti)]);
    if (user === undefined || revoked || user.id !== claims.sub)
      throw new AppError("token-invalid", "The session has ended. Sign in again.");
    req.user = user;
    if (user.impersonatedBy !== undefined) logVisit(ctx, req);
    next();
  };
}

/** What support does in a company can be told apart from what its people do. */
function logVisit(ctx: TenancyContext, { method, path, tenant, user, correlationId }: Request): void {
  const { impersonatedBy, sessionId } = user;
  const who = impersonatedBy?.who;
  ctx.log.info({ companyId: tenant.id, sessionId, impersonatedBy: who, method, path, correlationId }, "support asks");
}

/** @throws AppError `not-authenticated`, `token-invalid`, or `tenant-mismatch` for a good token of another tenant. */
async function verifyToken(tokens: TokenService, req: Request): Promise<Claims> {
  const token = /^Bearer ([\w.-]+)$/i.exec(req.get("authorization") ?? "")?.[1];
  if (token === undefined)
    throw new AppError("not-authenticated", "Send 'Authorization: Bearer <access token>' from POST /v1/auth/login.");
  const audience = tenantAudience(req.tenant.uuid);
  const claims = await verifyAudience(tokens, token, audience);
  if (claims.type !== "access") throw new AppError("token-invalid", "Send an access token.");
  if (claims.tenant_id !== req.tenant.id) throw mismatch();
  return claims;
}

async function verifyAudience(tokens: TokenService, token: string, audience: string): Promise<Claims> {
  try {
    return await tokens.verify(token, audience);
  } catch (error) {
    const named = audienceOf(token);
    if (named === undefined || named === audience) throw error;
    // What the text claims is worth nothing until the signature holds for it, which this throws about when it does not.
    await tokens.verify(token, named);
    throw mismatch();
  }
}

function audienceOf(token: string): string | undefined {
  const payload = jwt.decode(token);
  return typeof payload === "object" && typeof payload?.aud === "string" ? payload.aud : undefined;
}

const mismatch = () => new AppError("tenant-mismatch", "Use the hosts of the company that the token was made for.");
