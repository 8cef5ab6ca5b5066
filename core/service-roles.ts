/** The two roles that serving processes log in as. Neither owns anything; the platform's owner role makes both. */
import pg from "pg";
import type { Knex } from "./db.ts";
import { runtimeRole } from "./migrations/tenant-schema.ts";
import { scramVerifier, sha256Hex, type Secrets } from "./secrets.ts";

/** Reads the registry (hosts, certificates, plans) and is a member of no tenant role. */
export const registryRole = "secretaria_registry";

/** What a statement of theirs may take where nothing else is said, in milliseconds; the server sets it at log-in. */
export const serviceTimeoutMs = 15_000;

/** Derived from the master key: every process knows it, nothing stores it. */
export const servicePassword = (secrets: Secrets, role: string): string => secrets.derive(`postgres:${role}`);

/**
 * Makes both roles, or sets their passwords anew. They belong to the whole server, so they carry a mark of the master
 * key: a second installation there with another key must not lock the first one out.
 * NOINHERIT: membership in tenant roles gives nothing until SET ROLE.
 * @throws Error when the roles were made with another master key.
 */
export async function ensureServiceRoles(db: Knex, secrets: Secrets): Promise<void> {
  const mark = `secretaria key ${sha256Hex(secrets.derive("installation")).slice(0, 16)}`;
  for (const role of [runtimeRole, registryRole]) {
    await db.transaction(async (trx) => {
      await trx.raw("SELECT pg_advisory_xact_lock(hashtext('secretaria.roles'), 0)");
      const known = await trx("pg_roles")
        .where({ rolname: role })
        .first(trx.raw("shobj_description(oid, 'pg_authid') AS mark"));
      if (known?.mark && known.mark !== mark) throw new Error(foreignKey(role));
      const name = pg.escapeIdentifier(role);
      const password = pg.escapeLiteral(scramVerifier(servicePassword(secrets, role)));
      const verb = known === undefined ? "CREATE" : "ALTER";
      await trx.raw(`${verb} ROLE ${name} LOGIN NOINHERIT NOCREATEDB NOCREATEROLE PASSWORD ${password}`);
      for (const setting of ["statement_timeout", "idle_in_transaction_session_timeout"])
        await trx.raw(`ALTER ROLE ${name} SET ${setting} TO ${serviceTimeoutMs}`);
      await trx.raw(`COMMENT ON ROLE ${name} IS ${pg.escapeLiteral(mark)}`);
    });
  }
  await letMeasureItself(db);
}

/** An owner that is no superuser may not grant this; then the pool goes by how many tenants a connection has met. */
async function letMeasureItself(db: Knex): Promise<void> {
  try {
    await db.raw(`GRANT EXECUTE ON FUNCTION pg_catalog.pg_get_backend_memory_contexts() TO ${runtimeRole}`);
  } catch (error) {
    const insufficientPrivilege = "42501";
    if ((error as { code?: unknown }).code !== insufficientPrivilege) throw error;
  }
}

const foreignKey = (role: string): string =>
  `The server's role ${role} was made with another MASTER_KEY. Start with that key, or, when no other installation uses ` +
  `the server any more, take the role over: COMMENT ON ROLE ${role} IS NULL`;
