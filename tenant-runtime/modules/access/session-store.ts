/** Sessions of the company's people. A refresh token is good once; only its hash is stored. */
import type { Knex } from "../../../core/db.ts";
import { randomToken, sha256Hex } from "../../../core/secrets.ts";
import type { TenantUser } from "../../request-tenant.ts";
import { findSessionUser } from "./session-user.ts";

export interface Client {
  readonly ip: string | undefined;
  readonly userAgent: string | undefined;
}

/** What is told of somebody who signs in. */
export type Person = Pick<TenantUser, "id" | "email" | "name" | "role">;

export interface OpenSession {
  readonly user: Person;
  readonly sessionId: string;
  readonly refreshToken: string;
}

const sessionDays = 30;
const uuidLength = 36;

/** Opens a session for 30 days. Belongs in the transaction that let the user in. */
export async function openSession(db: Knex, user: Person, client: Client): Promise<OpenSession> {
  const secret = randomToken();
  await db("users").where({ id: user.id }).update({ last_login_at: db.fn.now() });
  const [row] = await db("user_sessions")
    .insert({
      user_id: user.id,
      kind: "login",
      refresh_token_hash: sha256Hex(secret),
      ...clientColumns(client),
      expires_at: db.raw("now() + make_interval(days => ?)", [sessionDays]),
    })
    .returning("id");
  const sessionId = row.id as string;
  return { user, sessionId, refreshToken: `${sessionId}${secret}` };
}

/**
 * Swaps a refresh token for the next one. One that was swapped before is a stolen copy or its owner's: the session ends
 * for both (RFC 9700, 4.14.2). The session's id in front tells a used token from an invented one; whoever holds that id
 * holds an access token, and could end the session anyway. Undefined when the token is not good: the caller commits.
 */
export async function rotateSession(db: Knex, refreshToken: string): Promise<OpenSession | undefined> {
  const sessionId = refreshToken.slice(0, uuidLength);
  const next = randomToken();
  const swapped = await db("user_sessions")
    .where({ id: sessionId, refresh_token_hash: sha256Hex(refreshToken.slice(uuidLength)) })
    .whereNull("revoked_at")
    .where("expires_at", ">", db.fn.now())
    .update({ refresh_token_hash: sha256Hex(next), last_used_at: db.fn.now() });
  if (swapped === 0) {
    await db("user_sessions").where({ id: sessionId, kind: "login" }).whereNull("revoked_at").update(revoked(db));
    return undefined;
  }
  const user = await findSessionUser(db, sessionId);
  return user && { user, sessionId, refreshToken: `${sessionId}${next}` };
}

export const clientColumns = ({ ip, userAgent }: Client) => ({
  // A zone (`fe80::1%eth0`) is no part of an address to PostgreSQL.
  ip: ip?.split("%")[0] ?? null,
  user_agent: userAgent?.slice(0, 400) ?? null,
});

/** Ends a session; ending one twice is no error. */
export async function revokeSession(db: Knex, sessionId: string): Promise<void> {
  await db("user_sessions").where({ id: sessionId }).whereNull("revoked_at").update(revoked(db));
}

/** Ends all sessions of a person but one, and answers how many that were. */
export const revokeSessionsOf = (db: Knex, userId: string, except?: string): Promise<number> =>
  db("user_sessions")
    .where({ user_id: userId })
    .whereNull("revoked_at")
    .where("expires_at", ">", db.fn.now())
    .modify((query) => except !== undefined && query.whereNot({ id: except }))
    .update(revoked(db));

const revoked = (db: Knex) => ({ revoked_at: db.fn.now() });
