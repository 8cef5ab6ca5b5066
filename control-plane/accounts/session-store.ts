/** Sessions of the platform's users. A refresh token is good once; only hashes are stored. */
import { randomUUID } from "node:crypto";
import type { Knex } from "../../core/db.ts";
import { writeAudit } from "../audit.ts";
import { randomToken, sha256Hex } from "../../core/secrets.ts";

export interface Actor {
  readonly userId: number;
  readonly sessionId: string;
  readonly email: string;
  readonly name: string;
  readonly role: string;
}

export interface Client {
  readonly ip: string | undefined;
  readonly userAgent: string | undefined;
}

export const sessionDays = 30;

/** The user of a live session, by its id or by its current refresh token. */
export async function findSessionUser(
  db: Knex,
  by: { id: string } | { refreshToken: string },
): Promise<Actor | undefined> {
  const key = "id" in by ? { "s.id": by.id } : { "s.refresh_token_hash": sha256Hex(by.refreshToken) };
  const row = await db("user_sessions as s")
    .join("users as u", "u.id", "s.user_id")
    .where(key)
    .where("u.is_active", true)
    .whereNull("s.revoked_at")
    .where("s.expires_at", ">", db.fn.now())
    .first("s.id as sessionId", "u.id as userId", "u.email", "u.name", "u.role");
  return row as Actor | undefined;
}

export async function createSession(
  db: Knex,
  userId: number,
  client: Client,
): Promise<{ sessionId: string; refreshToken: string }> {
  const sessionId = randomUUID();
  const refreshToken = `${sessionId}${randomToken()}`;
  await db("user_sessions").insert({
    id: sessionId,
    user_id: userId,
    refresh_token_hash: sha256Hex(refreshToken),
    ip: client.ip ?? null,
    user_agent: client.userAgent?.slice(0, 400) ?? null,
    expires_at: db.raw("now() + make_interval(days => ?)", [sessionDays]),
  });
  return { sessionId, refreshToken };
}

/**
 * Swaps a refresh token for the next one. One that was swapped before, however long ago, is a stolen copy or its
 * owner's: the session ends for both (RFC 9700, 4.14.2). The session's id in front tells a used token from an invented
 * one. Undefined when the token is not good.
 */
export async function rotateSession(
  db: Knex,
  refreshToken: string,
): Promise<{ actor: Actor; refreshToken: string } | undefined> {
  const id = sessionIdOf(refreshToken);
  if (id === undefined) return undefined;
  const next = `${id}${randomToken()}`;
  const swapped = await db("user_sessions")
    .where({ id, refresh_token_hash: sha256Hex(refreshToken) })
    .whereNull("revoked_at")
    .where("expires_at", ">", db.fn.now())
    .update({ refresh_token_hash: sha256Hex(next), last_used_at: db.fn.now() });
  if (swapped === 0) {
    await revokeSession(db, { id }, "session.token-reused");
    return undefined;
  }
  const actor = await findSessionUser(db, { refreshToken: next });
  return actor && { actor, refreshToken: next };
}

const sessionIdOf = (refreshToken: string): string | undefined =>
  /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}(?=[\w-]{43}$)/.exec(refreshToken)?.[0];

/** Ends a session that is alive, with its audit row; any other is left as it is. */
export function revokeSession(
  db: Knex,
  by: { id: string } | { refreshToken: string },
  action: "session.ended" | "session.token-reused",
): Promise<void> {
  const key = "id" in by ? { id: by.id } : { refresh_token_hash: sha256Hex(by.refreshToken) };
  return db.transaction(async (trx) => {
    const ended = trx("user_sessions").where(key).whereNull("revoked_at").update({ revoked_at: trx.fn.now() });
    for (const { id, user_id: userId } of await ended.returning(["id", "user_id"]))
      await writeAudit(trx, { actor: `user:${userId}`, action, data: { sessionId: id } });
  });
}
