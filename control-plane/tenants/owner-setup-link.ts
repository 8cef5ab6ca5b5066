/** The owner's one-time link: the page where the first password is set. lifecycle/resources/owner.ts makes it. */
import { sha256Hex } from "../../core/secrets.ts";
import { schemaName, tenantHost } from "../../core/tenant.ts";
import { ownerSetupToken } from "../../core/tenant-secrets.ts";
import type { ControlContext } from "../context.ts";
import { setupLinkDays } from "../lifecycle/resources/owner.ts";
import type { CompanyRow } from "../lifecycle/tenant-store.ts";
import { tenantUrl } from "./present-tenant.ts";

export function ownerSetupUrl(ctx: ControlContext, company: Pick<CompanyRow, "uuid" | "slug" | "base_domain">): string {
  const host = tenantHost("chat", company.slug, company.base_domain);
  // In the fragment: it is sent to no server, and so lands in no access log.
  return `${tenantUrl(ctx, host)}/setup#${ownerSetupToken(ctx.secrets, company.uuid)}`;
}

/**
 * Makes the link good for seven days from now and answers until when. Undefined when there is nothing to set up: the
 * owner has a password, is locked out, or used the link.
 */
export async function renewSetupLink(ctx: ControlContext, company: CompanyRow): Promise<Date | undefined> {
  const schema = schemaName(company.id);
  const { rows } = await ctx.db.raw<{ rows: { expires_at: Date }[] }>(renewSql, {
    users: `${schema}.users`,
    tokens: `${schema}.one_time_tokens`,
    hash: sha256Hex(ownerSetupToken(ctx.secrets, company.uuid)),
    linkDays: setupLinkDays,
  });
  return rows[0]?.expires_at;
}

// The condition on the row that is there holds under its lock: a link that is being used this moment stays used.
const renewSql = `
INSERT INTO :tokens: AS link (user_id, purpose, token_hash, expires_at)
SELECT id, 'setup', :hash, now() + make_interval(days => :linkDays) FROM (
  SELECT id, password_hash, is_active FROM :users: WHERE role = 'owner' ORDER BY created_at LIMIT 1
) AS owner WHERE password_hash IS NULL AND is_active
ON CONFLICT (token_hash) DO UPDATE SET expires_at = excluded.expires_at
  WHERE link.used_at IS NULL AND link.user_id = excluded.user_id
RETURNING expires_at`;
