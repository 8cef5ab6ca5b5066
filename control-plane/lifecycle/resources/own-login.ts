/** A tenant's role that may log in by itself: what the dedicated level needs, and the pooled level must not leave behind. */
import pg from "pg";
import { extensionSchema } from "../../../core/migrations/tenant-schema.ts";
import { scramVerifier } from "../../../core/secrets.ts";
import { roleName, schemaName } from "../../../core/tenant.ts";
import { databasePassword } from "../../../core/tenant-secrets.ts";
import type { ControlContext } from "../../context.ts";
import type { LeasedTenant } from "../resource.ts";

/** As in pg_roles.rolconfig. Who may not read passwords knows by it that there is one. */
export const ownSettings = ({ id }: Pick<LeasedTenant, "id">): string[] => [
  `search_path=${schemaName(id)}, ${extensionSchema}`,
];

/**
 * The password comes with the path, so that a session of the role finds its own tables whatever it was told. The server
 * gets only its SCRAM form; two verifiers of one password differ.
 */
export function giveLogin({ secrets }: ControlContext, { id }: Pick<LeasedTenant, "id">): string[] {
  const role = pg.escapeIdentifier(roleName(id));
  return [
    `ALTER ROLE ${role} PASSWORD ${pg.escapeLiteral(scramVerifier(databasePassword(secrets, id)))}`,
    `ALTER ROLE ${role} SET search_path TO ${pg.escapeIdentifier(schemaName(id))}, ${extensionSchema}`,
  ];
}

/** Sessions that are open stay: the runtime closes its own when nobody uses them. */
export function takeLogin({ id }: Pick<LeasedTenant, "id">): string[] {
  const role = pg.escapeIdentifier(roleName(id));
  return [`ALTER ROLE ${role} PASSWORD NULL`, `ALTER ROLE ${role} RESET search_path`];
}

/** Whether the role has a password: only a superuser may look, undefined for everybody else and where there is no role. */
export async function hasPassword(ctx: ControlContext, { id }: Pick<LeasedTenant, "id">): Promise<boolean | undefined> {
  const { rows } = await ctx.db.raw<{ rows: { may: boolean }[] }>(
    "SELECT has_table_privilege('pg_catalog.pg_authid', 'SELECT') AS may",
  );
  if (rows[0]?.may !== true) return undefined;
  const role = await ctx
    .db("pg_catalog.pg_authid")
    .where({ rolname: roleName(id) })
    .first(ctx.db.raw("rolpassword IS NOT NULL AS has"));
  return role?.has as boolean | undefined;
}
