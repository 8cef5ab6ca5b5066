import type { Knex } from "../../../core/db.ts";
import { sha256Hex } from "../../../core/secrets.ts";

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

/** Uses a set-up link up and sets its user's password. Undefined when the link or its user is not good any more. */
export async function setPasswordByLink(db: Knex, token: string, passwordHash: string): Promise<UserRow | undefined> {
  const used = await db("one_time_tokens")
    .where({ purpose: "setup", token_hash: sha256Hex(token) })
    .whereNull("used_at")
    .where("expires_at", ">", db.fn.now())
    .update({ used_at: db.fn.now() })
    .returning("user_id");
  if (used.length === 0) return undefined;
  const [user] = await db("users")
    .where({ id: used[0].user_id, is_active: true })
    .update({ password_hash: passwordHash, updated_at: db.fn.now() })
    .returning(columns);
  return user as UserRow | undefined;
}
