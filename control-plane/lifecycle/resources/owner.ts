/** The first user of the tenant: no password until the one-time link is used. */
import pg from "pg";
import { sha256Hex } from "../../../core/secrets.ts";
import { ownerMark, schemaName } from "../../../core/tenant.ts";
import { ownerSetupToken } from "../../../core/tenant-secrets.ts";
import type { ControlContext } from "../../context.ts";
import type { Inspection, LeasedTenant, Resource } from "../resource.ts";

/** How long the one-time link is good. */
export const setupLinkDays = 7;

export const owner: Resource = {
  name: "owner",
  after: ["database"],
  holdsData: true,

  async inspect(ctx, tenant): Promise<Inspection> {
    if (!(await hasUsers(ctx, tenant))) return { state: "absent" };
    const found = await ctx.db.withSchema(schemaName(tenant.id)).from("users").where({ role: "owner" }).first("id");
    return { state: found ? "present" : "absent" };
  },

  async ensure(ctx, tenant) {
    const schema = pg.escapeIdentifier(schemaName(tenant.id));
    // One statement: user and link are there together or not at all. An owner who exists keeps password and link.
    await ctx.db.raw(
      `WITH made AS (
         INSERT INTO ${schema}.users (email, name, role)
         SELECT :email, :name, 'owner' WHERE NOT EXISTS (SELECT FROM ${schema}.users WHERE role = 'owner')
         ON CONFLICT (lower(email)) DO UPDATE SET role = 'owner', updated_at = now()
         RETURNING id
       )
       INSERT INTO ${schema}.one_time_tokens (user_id, purpose, token_hash, expires_at)
       SELECT id, 'setup', :hash, now() + make_interval(days => :setupLinkDays) FROM made
       ON CONFLICT (token_hash) DO NOTHING`,
      { ...tenant.owner, hash: sha256Hex(ownerSetupToken(ctx.secrets, tenant.uuid)), setupLinkDays },
    );
  },

  async destroy(ctx, tenant) {
    if (!(await hasUsers(ctx, tenant))) return;
    await revokeInitialTokens(ctx, tenant);
    await ctx.db.withSchema(schemaName(tenant.id)).from("users").where({ role: "owner" }).delete();
  },
};

/** The session goes, and its id, which the token carries, is refused even should the session come back with a restore. */
async function revokeInitialTokens(ctx: ControlContext, tenant: LeasedTenant): Promise<void> {
  const schema = pg.escapeIdentifier(schemaName(tenant.id));
  await ctx.db.raw(
    `WITH gone AS (DELETE FROM ${schema}.user_sessions WHERE kind = 'initial' RETURNING id, expires_at)
     INSERT INTO revoked_tokens (jti, reason, expires_at) SELECT id, 'company removed', expires_at FROM gone
     ON CONFLICT (jti) DO NOTHING`,
  );
}

/** False where the table is not there, and where the schema is not this company's. */
async function hasUsers(ctx: ControlContext, tenant: LeasedTenant): Promise<boolean> {
  const schema = schemaName(tenant.id);
  const { rows } = await ctx.db.raw<{ rows: { ok: boolean }[] }>(
    "SELECT to_regclass(?) IS NOT NULL AND obj_description(to_regnamespace(?), 'pg_namespace') = ? AS ok",
    [`${schema}.users`, schema, ownerMark(tenant.uuid)],
  );
  return rows[0]?.ok === true;
}
