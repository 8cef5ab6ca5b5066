/** The two roles that serving processes log in as. Neither owns anything; the platform's owner role makes both. */
import pg from "pg";
import type { Knex } from "./db.ts";
import { runtimeRole } from "./migrations/tenant-schema.ts";
import { scramVerifier, sha256Hex, type Secrets } from "./secrets.ts";

/** Reads the registry (hosts, certificates, plans) and is a member of no tenant role. */
export const registryRole = "secretaria_registry";

/** What a statement of theirs may take where nothing else is said, in milliseconds; the server sets it at log-in. */
export const serviceTimeoutMs = 15_000;

const rolesLock = "SELECT pg_advisory_xact_lock(hashtext('secretaria.roles'), 0)";

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
      await trx.raw(rolesLock);
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
  await grantFunctions(db);
}

/** What the pool of tenants works better with: it measures its connections, and sets a tenant's scope in the statement's message. */
const wanted = ["pg_get_backend_memory_contexts()", "set_config(text,text,boolean)"];

/**
 * Each by name, whoever else has it or will lose it. An owner that is no superuser may not grant these: then the pool goes
 * by how many tenants a connection has met, and sends a scope as statements of its own.
 */
async function grantFunctions(db: Knex): Promise<void> {
  for (const name of wanted) {
    try {
      await db.transaction(async (trx) => {
        await trx.raw(rolesLock);
        if (!(await isGranted(trx, name)))
          await trx.raw(`GRANT EXECUTE ON FUNCTION pg_catalog.${name} TO ${runtimeRole}`);
      });
    } catch (error) {
      const insufficientPrivilege = "42501";
      if ((error as { code?: unknown }).code !== insufficientPrivilege) throw error;
    }
  }
}

async function isGranted(db: Knex, name: string): Promise<boolean> {
  const { rows } = await db.raw<{ rows: unknown[] }>(
    `SELECT 1 FROM pg_proc, aclexplode(proacl) AS granted
      WHERE oid = ?::regprocedure AND grantee = ?::regrole AND privilege_type = 'EXECUTE'`,
    [`pg_catalog.${name}`, runtimeRole],
  );
  return rows.length > 0;
}

const foreignKey = (role: string): string =>
  `The server's role ${role} was made with another MASTER_KEY. Start with that key, or, when no other installation uses ` +
  `the server any more, take the role over: COMMENT ON ROLE ${role} IS NULL`;
