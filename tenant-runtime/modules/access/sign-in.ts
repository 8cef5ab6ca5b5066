/** The ways to get a session: password, refresh token, a one-time link. */
import { AppError } from "../../../core/errors.ts";
import { hashPassword, passwordMatches } from "../../../core/passwords.ts";
import { tenantAudience } from "../../../core/tenant.ts";
import type { RuntimeContext } from "../../context.ts";
import type { RequestTenant } from "../../request-tenant.ts";
import { countGuess, forgiveGuess } from "./guesses.ts";
import { findUserByEmail, setPasswordByLink } from "./user-store.ts";
import { openSession, rotateSession, type Client, type OpenSession, type Person } from "./session-store.ts";

const accessTokenSeconds = 3600;

export interface SignedIn {
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly expiresIn: number;
  readonly user: Person;
}

/** @throws AppError `too-many-requests`; `invalid-credentials`, the same for an unknown e-mail, a wrong password and a user locked out. */
export async function signIn(
  ctx: RuntimeContext,
  tenant: RequestTenant,
  { email, password, client }: { email: string; password: string; client: Client },
): Promise<SignedIn> {
  const guess = { companyId: tenant.id, email, ip: client.ip };
  await countGuess(ctx, guess);
  const user = await findUserByEmail(tenant.db, email);
  // Outside of a transaction: hashing takes long, and a connection is not held for it.
  const matches = await passwordMatches(password, user?.password_hash);
  if (user === undefined || !matches || !user.is_active)
    throw new AppError("invalid-credentials", "Check e-mail and password.");
  await forgiveGuess(ctx, guess);
  return presentSession(ctx, tenant, await tenant.transaction((db) => openSession(db, user, client)));
}

/** @throws AppError `token-invalid` when the refresh token is unknown, expired, revoked or was used before. */
export async function refresh(ctx: RuntimeContext, tenant: RequestTenant, refreshToken: string): Promise<SignedIn> {
  const session = await tenant.transaction((db) => rotateSession(db, refreshToken));
  if (session === undefined) throw new AppError("token-invalid", "Sign in again.");
  return presentSession(ctx, tenant, session);
}

/**
 * Uses the set-up link up: password, used mark and first session are there together or not at all.
 * @throws AppError `link-invalid` when it is unknown, used or too old.
 */
export async function setUpPerson(
  ctx: RuntimeContext,
  tenant: RequestTenant,
  { token, password, client }: { token: string; password: string; client: Client },
): Promise<SignedIn> {
  const passwordHash = await hashPassword(password);
  const session = await tenant.transaction(async (db) => {
    const user = await setPasswordByLink(db, token, passwordHash);
    if (user === undefined) throw new AppError("link-invalid", "Ask whoever sent it for a fresh link.");
    return openSession(db, user, client);
  });
  return presentSession(ctx, tenant, session);
}

function presentSession(ctx: RuntimeContext, tenant: RequestTenant, session: OpenSession): SignedIn {
  const { user, sessionId, refreshToken } = session;
  const { id, email, name, role } = user;
  const claims = {
    sub: id,
    sid: sessionId,
    tenant_id: tenant.id,
    plan: tenant.plan,
    role,
    type: "access",
  };
  const { token } = ctx.tokens.sign(claims, tenantAudience(tenant.uuid), accessTokenSeconds);
  return { accessToken: token, refreshToken, expiresIn: accessTokenSeconds, user: { id, email, name, role } };
}
