/** The two roles that serving processes log in as. Neither owns anything; the platform's owner role makes both. */
import pg from "pg";
import type { Knex } from "./db.ts";
import { runtimeRole } from "./migrations/tenant-schema.ts";
import { scramVerifier, type Secrets } from "./secrets.ts";

/** Reads the registry (hosts, certificates, plans) and is a member of no tenant role. */
export const registryRole = "secretaria_registry";

/** Derived from the master key: every process knows it, nothing stores it. */
export const servicePassword = (secrets: Secrets, role: string): string => secrets.derive(`postgres:${role}`);

/**
 * Makes both roles, or sets their passwords anew, so that a changed master key is healed by the next start.
 * NOINHERIT: membership in tenant roles gives nothing until SET ROLE.
 */
export async function ensureServiceRoles(db: Knex, secrets: Secrets): Promise<void> {
  await db.transaction(async (trx) => {
    // Roles belong to the whole server, so the lock does not depend on the database.
    await trx.raw("SELECT pg_advisory_xact_lock(hashtext('secretaria.roles'), 0)");
    for (const role of [runtimeRole, registryRole]) {
      const exists = await trx("pg_roles").where({ rolname: role }).first("rolname");
      const verb = exists ? "ALTER" : "CREATE";
      const password = pg.escapeLiteral(scramVerifier(servicePassword(secrets, role)));
      await trx.raw(
        `${verb} ROLE ${pg.escapeIdentifier(role)} LOGIN NOINHERIT NOCREATEDB NOCREATEROLE PASSWORD ${password}`,
      );
    }
  });
}
