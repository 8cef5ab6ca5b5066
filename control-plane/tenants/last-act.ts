import type { Knex } from "../../core/db.ts";

/** Something a person asked for, as the audit log has it. */
export interface Act {
  /** The person's name, or the actor as the log has it when it is no user of today. */
  readonly by: string;
  readonly at: Date;
  readonly reason: string | null;
}

/** The newest act of its kind, e.g. `tenant.suspension-requested`. */
export async function findLastAct(db: Knex, companyId: number, action: string): Promise<Act | undefined> {
  const row = await db("audit_log")
    .where({ company_id: companyId, action })
    .orderBy("id", "desc")
    .first("actor", "created_at", "data");
  if (row === undefined) return undefined;
  return { by: await nameOfActor(db, row.actor), at: row.created_at, reason: row.data.reason ?? null };
}

/** `user:7` → that user's name. */
export async function nameOfActor(db: Knex, actor: string): Promise<string> {
  const id = /^user:([1-9]\d{0,15})$/.exec(actor)?.[1];
  const user = id === undefined ? undefined : await db("users").where({ id }).first("name");
  return user?.name ?? actor;
}
