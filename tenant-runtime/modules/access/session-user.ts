/** Who a session belongs to and what that person may do. It is asked for on every request: one statement, by primary keys. */
import type { Knex } from "../../../core/db.ts";
import { isLeading, permissionsOf, type StoreScope } from "../../guard/permissions.ts";
import type { TenantUser } from "../../request-tenant.ts";

interface Row {
  readonly session_id: string;
  readonly expires_at: Date;
  readonly impersonated_by: string | null;
  readonly reason: string | null;
  readonly id: string | null;
  readonly email: string;
  readonly name: string;
  readonly role: string;
  readonly permissions: unknown[] | null;
  readonly store_scope: "all" | "selected" | null;
  readonly stores: string[];
}

/** The user of a live session; undefined when it ended or its user may not sign in any more. */
export async function findSessionUser(db: Knex, sessionId: string): Promise<TenantUser | undefined> {
  const { rows } = await db.raw<{ rows: Row[] }>(
    `SELECT s.id AS session_id, s.expires_at, s.impersonated_by, s.reason, u.id, u.email, u.name, u.role,
            g.permissions, g.store_scope,
            ARRAY(SELECT store_id::text FROM user_group_stores WHERE group_id = g.id ORDER BY store_id) AS stores
       FROM user_sessions s
       LEFT JOIN users u ON u.id = s.user_id
       LEFT JOIN user_groups g ON g.id = u.group_id
      WHERE s.id = ? AND s.revoked_at IS NULL AND s.expires_at > now() AND (u.is_active OR s.kind = 'impersonation')`,
    [sessionId],
  );
  const row = rows[0];
  return row && (row.impersonated_by === null ? toPerson(row) : toSupport(row, row.impersonated_by));
}

function toPerson(row: Row): TenantUser {
  const { id, email, name, role, session_id: sessionId } = row;
  const permissions = permissionsOf({ role, isSupport: false, granted: row.permissions ?? undefined });
  return { id: id ?? "", email, name, role, sessionId, permissions, stores: storesOf(row) };
}

/** Without a group there is nothing to work with, as there is nothing that may be done. */
function storesOf({ role, store_scope: scope, stores }: Row): StoreScope {
  return isLeading(role) || scope === "all" ? "all" : stores;
}

/** With an owner's eyes, and as nobody of the company. */
function toSupport({ session_id: id, expires_at, reason }: Row, who: string): TenantUser {
  const permissions = permissionsOf({ role: "owner", isSupport: true, granted: undefined });
  const impersonatedBy = { who, reason: reason ?? "", until: expires_at.toISOString() };
  return { id, email: who, name: who, role: "owner", sessionId: id, permissions, stores: "all", impersonatedBy };
}
