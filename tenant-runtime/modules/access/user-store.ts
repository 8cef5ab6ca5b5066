import type { Knex } from "../../../core/db.ts";
import { sha256Hex } from "../../../core/secrets.ts";
import { revokeSessionsOf } from "./session-store.ts";

export interface UserRow {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly role: string;
  readonly password_hash: string | null;
  readonly is_active: boolean;
}

const columns = ["id", "email", "name", "role", "password_hash", "is_active"];

export const findUserByEmail = (db: Knex, email: string): Promise<UserRow | undefined> =>
  db("users").whereRaw("lower(email) = lower(?)", [email]).first(columns);

/**
 * Uses a link up and sets its user's password. A password that replaces one ends the sessions that the old one opened.
 * Undefined when the link or its user is not good any more.
 */
export async function setPasswordByLink(db: Knex, token: string, passwordHash: string): Promise<UserRow | undefined> {
  const used = await db("one_time_tokens")
    .where({ token_hash: sha256Hex(token) })
    .whereNull("used_at")
    .where("expires_at", ">", db.fn.now())
    .update({ used_at: db.fn.now() })
    .returning(["user_id", "purpose"]);
  if (used.length === 0) return undefined;
  if (used[0].purpose === "password_reset") await revokeSessionsOf(db, used[0].user_id as string);
  const [user] = await db("users")
    .where({ id: used[0].user_id, is_active: true })
    .update({ password_hash: passwordHash, updated_at: db.fn.now() })
    .returning(columns);
  return user as UserRow | undefined;
}
