/** The platform's first user: by a one-time link, or by ADMIN_EMAIL and ADMIN_PASSWORD. */
import type { Knex } from "../../core/db.ts";
import { AppError } from "../../core/errors.ts";
import { hashPassword } from "../../core/passwords.ts";
import { randomToken, sha256Hex } from "../../core/secrets.ts";
import { writeAudit } from "../audit.ts";
import type { ControlContext } from "../context.ts";

export interface NewAdmin {
  readonly email: string;
  readonly name: string;
  readonly password: string;
}

export const hasAdmin = async (db: Knex): Promise<boolean> => (await db("users").first("id")) !== undefined;

/** Makes the admin of ADMIN_EMAIL when there is none of that address yet; an existing one keeps its password. */
export async function ensureConfiguredAdmin(ctx: ControlContext): Promise<void> {
  const { ADMIN_EMAIL: email, ADMIN_PASSWORD: password } = ctx.config;
  if (email === undefined || password === undefined) return;
  if (await ctx.db("users").whereRaw("lower(email) = lower(?)", [email]).first("id")) return;
  await insertAdmin(ctx.db, { email, name: "Admin", password }, "environment");
}

/** A fresh secret for the set-up page, or undefined when there is an admin. Earlier ones stop working. Valid for a day. */
export async function issueFirstAdminLink(ctx: ControlContext): Promise<string | undefined> {
  if (await hasAdmin(ctx.db)) {
    await ctx.db("one_time_tokens").where({ purpose: "first_admin" }).delete();
    return undefined;
  }
  const token = randomToken();
  await ctx.db.transaction(async (db) => {
    await db("one_time_tokens").where({ purpose: "first_admin" }).delete();
    await db("one_time_tokens").insert({
      purpose: "first_admin",
      token_hash: sha256Hex(token),
      expires_at: db.raw("now() + interval '1 day'"),
    });
  });
  return token;
}

/** Uses the link up. @throws AppError `link-invalid` when it is unknown, used or too old. */
export async function createFirstAdmin(ctx: ControlContext, token: string, admin: NewAdmin): Promise<void> {
  await ctx.db.transaction(async (db) => {
    // One at a time, and only the first: an admin who came another way ends the link.
    await db.raw("SELECT pg_advisory_xact_lock(hashtext('secretaria.first-admin'), 0)");
    if (await hasAdmin(db)) throw new AppError("link-invalid", "There is an admin already; sign in instead.");
    const used = await db("one_time_tokens")
      .where({ purpose: "first_admin", token_hash: sha256Hex(token) })
      .whereNull("used_at")
      .where("expires_at", ">", db.fn.now())
      .update({ used_at: db.fn.now() });
    if (used === 0)
      throw new AppError("link-invalid", "Restart the control plane: it prints a fresh link while there is no admin.");
    await insertAdmin(db, admin, "first-admin-link");
  });
}

async function insertAdmin(db: Knex, admin: NewAdmin, actor: string): Promise<void> {
  const password_hash = await hashPassword(admin.password);
  const rows = await db("users")
    .insert({ email: admin.email, name: admin.name, password_hash, role: "admin" })
    .onConflict(db.raw("(lower(email))"))
    .ignore()
    .returning("id");
  if (rows[0]) await writeAudit(db, { actor, action: "user.created", data: { userId: rows[0].id, role: "admin" } });
}
