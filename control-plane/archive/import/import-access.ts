import pg from "pg";
import type { Knex } from "../../../core/db.ts";
import { sha256Hex, type Secrets } from "../../../core/secrets.ts";
import { schemaName } from "../../../core/tenant.ts";
import { ownerSetupToken } from "../../../core/tenant-secrets.ts";
import { setupLinkDays } from "../../lifecycle/resources/owner.ts";

/**
 * Who could get into the old company gets into the new one by password only: sessions and one-time links of the old
 * hosts end. The owner gets a set-up link, and keeps the password until it is used. Belongs in the load's transaction.
 */
export async function renewAccess(
  db: Knex,
  secrets: Secrets,
  { id, uuid, owner }: { readonly id: number; readonly uuid: string; readonly owner: { name: string; email: string } },
): Promise<void> {
  const schema = pg.escapeIdentifier(schemaName(id));
  await db.raw(`UPDATE ${schema}.user_sessions SET revoked_at = now() WHERE revoked_at IS NULL`);
  await db.raw(`UPDATE ${schema}.one_time_tokens SET used_at = now() WHERE used_at IS NULL`);
  await db.raw(
    `WITH made AS (
       INSERT INTO ${schema}.users (email, name, role)
       SELECT :email, :name, 'owner' WHERE NOT EXISTS (SELECT FROM ${schema}.users WHERE role = 'owner')
       ON CONFLICT (lower(email)) DO UPDATE SET role = 'owner', updated_at = now()
       RETURNING id
     ), first AS (
       SELECT id FROM ${schema}.users WHERE role = 'owner' ORDER BY created_at LIMIT 1
     )
     INSERT INTO ${schema}.one_time_tokens (user_id, purpose, token_hash, expires_at)
     SELECT id, 'setup', :hash, now() + make_interval(days => :setupLinkDays) FROM (TABLE made UNION TABLE first) AS owner
     ON CONFLICT (token_hash) DO NOTHING`,
    { ...owner, hash: sha256Hex(ownerSetupToken(secrets, uuid)), setupLinkDays },
  );
}
