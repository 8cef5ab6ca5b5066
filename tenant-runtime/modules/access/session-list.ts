/** Sessions as the company's people see them: where somebody is signed in, and when the platform's support was here. */
import type { Knex } from "../../../core/db.ts";

export interface SessionRow {
  readonly id: string;
  readonly kind: "initial" | "login" | "impersonation";
  readonly user_id: string | null;
  readonly role: string | null;
  readonly impersonated_by: string | null;
  readonly reason: string | null;
  readonly user_agent: string | null;
  readonly ip: string | null;
  readonly created_at: Date;
  readonly last_used_at: Date | null;
  readonly expires_at: Date;
  readonly revoked_at: Date | null;
}

const supportAtMost = 100;

const sessions = (db: Knex) =>
  db("user_sessions as s")
    .leftJoin("users as u", "u.id", "s.user_id")
    .select(["s.id", "s.kind", "s.user_id", "u.role", "s.impersonated_by", "s.reason", "s.user_agent"])
    .select(["s.created_at", "s.last_used_at", "s.expires_at", "s.revoked_at"])
    .select(db.raw("host(s.ip) AS ip"))
    .orderBy([{ column: "s.created_at", order: "desc" }, "s.id"]);

/** A person's live sessions, newest first. */
export const listSessionsOf = (db: Knex, userId: string): Promise<SessionRow[]> =>
  live(db, sessions(db).where("s.user_id", userId));

/** Visits of the platform's support, newest first, also those that are over; a hundred at most. */
export const listSupportSessions = (db: Knex): Promise<SessionRow[]> =>
  sessions(db).where("s.kind", "impersonation").limit(supportAtMost);

/** One live session of anybody. */
export const findSession = async (db: Knex, id: string): Promise<SessionRow | undefined> =>
  (await live(db, sessions(db).where("s.id", id)))[0];

const live = (db: Knex, query: Knex.QueryBuilder): Promise<SessionRow[]> =>
  query.whereNull("s.revoked_at").where("s.expires_at", ">", db.fn.now());
