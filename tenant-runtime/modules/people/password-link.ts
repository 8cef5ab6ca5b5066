/** One-time links on which people choose a password themselves: nobody else ever knows one. */
import type { Knex } from "../../../core/db.ts";
import { randomToken, sha256Hex } from "../../../core/secrets.ts";
import type { PersonRow } from "./person-store.ts";

export interface PasswordLink {
  /** Goes into the fragment of the address of the page; kept nowhere. */
  readonly token: string;
  readonly expiresAt: Date;
}

/** An invitation waits for its reader, a new password is asked for by somebody who waits. */
const days = { setup: 7, password_reset: 1 } as const;

/** From here on it is the person's only link. The password that is there stays good until the link is used. */
export async function makePasswordLink(db: Knex, person: PersonRow): Promise<PasswordLink> {
  const token = randomToken();
  const purpose = person.has_password ? "password_reset" : "setup";
  await dropLinks(db, person.id);
  const [row] = await db("one_time_tokens")
    .insert({
      user_id: person.id,
      purpose,
      token_hash: sha256Hex(token),
      expires_at: db.raw("now() + make_interval(days => ?)", [days[purpose]]),
    })
    .returning("expires_at");
  return { token, expiresAt: row.expires_at as Date };
}

/** Links that nobody used are good no more. */
export const dropLinks = (db: Knex, userId: string): Promise<number> =>
  db("one_time_tokens").where({ user_id: userId }).whereNull("used_at").delete();
