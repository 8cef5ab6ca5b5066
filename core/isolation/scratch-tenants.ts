/** Two tenants that belong to nobody: the start-up probe lets one attack the other. */
import pg from "pg";
import type { Knex } from "../db.ts";
import { runtimeRole } from "../migrations/tenant-schema.ts";

const { escapeIdentifier, escapeLiteral } = pg;

export interface ScratchTenant {
  /** No company's: those begin at 1. */
  readonly id: number;
  readonly uuid: string;
  readonly names: { readonly role: string; readonly schema: string };
  /** Text of every row of its only table, `marks`. */
  readonly mark: string;
}

const scratchTenant = (letter: "a" | "b", id: number): ScratchTenant => {
  const name = `secretaria_probe_${letter}`;
  const uuid = `00000000-0000-4000-8000-00000000000${letter}`;
  return { id, uuid, names: { role: name, schema: name }, mark: `mark of ${name}` };
};

/** Attacks. */
export const scratchA = scratchTenant("a", 0);
/** Is attacked. */
export const scratchB = scratchTenant("b", -1);

/** For the caller's own writes: the lock belongs to the database, so that two set-ups of one wait for each other. */
export const isolationLock = "SELECT pg_advisory_xact_lock(hashtext('secretaria.isolation'), 0)";

/**
 * Makes both where anything of them is missing. Roles belong to the server, schemas to the database: another database's
 * set-up may be making the same roles, and the one that comes second starts again.
 */
export async function ensureScratchTenants(db: Knex): Promise<void> {
  for (let attempt = 1; !(await areComplete(db)); attempt += 1) {
    try {
      await db.transaction(async (trx) => {
        await trx.raw(isolationLock);
        for (const tenant of [scratchA, scratchB]) await makeScratchTenant(trx, tenant);
      });
    } catch (error) {
      if (attempt === 5 || !isLostRace(error)) throw error;
    }
  }
}

async function areComplete(db: Knex): Promise<boolean> {
  const { rows } = await db.raw<{ rows: { complete: boolean }[] }>(
    `SELECT count(*) = 2 AS complete
       FROM pg_roles r JOIN pg_namespace n ON n.nspname = r.rolname JOIN pg_class c ON c.relnamespace = n.oid
       JOIN pg_auth_members m ON m.roleid = r.oid JOIN pg_roles member ON member.oid = m.member
      WHERE r.rolname IN (?, ?) AND member.rolname = ? AND c.relname = 'marks'
        AND has_schema_privilege(r.oid, n.oid, 'USAGE') AND has_table_privilege(r.oid, c.oid, 'SELECT')
        AND has_table_privilege(r.oid, c.oid, 'UPDATE')`,
    [scratchA.names.role, scratchB.names.role, runtimeRole],
  );
  return rows[0]?.complete === true;
}

/** The same shape as a real tenant's: see core/migrations/tenant-schema.ts. Nobody logs in as one of these. */
async function makeScratchTenant(trx: Knex, { names, mark }: ScratchTenant): Promise<void> {
  const [role, schema] = [escapeIdentifier(names.role), escapeIdentifier(names.schema)];
  const known = await trx("pg_roles").where({ rolname: names.role }).first("oid");
  if (known === undefined) await trx.raw(`CREATE ROLE ${role} NOLOGIN NOINHERIT`);
  const member = await trx("pg_auth_members")
    .join("pg_roles AS r", "r.oid", "roleid")
    .join("pg_roles AS m", "m.oid", "member")
    .where({ "r.rolname": names.role, "m.rolname": runtimeRole })
    .first("r.oid");
  if (member === undefined) await trx.raw(`GRANT ${role} TO ${escapeIdentifier(runtimeRole)}`);
  await trx.raw(`CREATE SCHEMA IF NOT EXISTS ${schema}`);
  await trx.raw(`COMMENT ON SCHEMA ${schema} IS 'secretaria probe: for the attacks that every start makes on itself'`);
  await trx.raw(
    `CREATE TABLE IF NOT EXISTS ${schema}.marks (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, mark text NOT NULL)`,
  );
  // Three times the same, so that the planner's statistics keep the text: they are one of the ways to it.
  await trx.raw(
    `INSERT INTO ${schema}.marks (mark) SELECT ${escapeLiteral(mark)} FROM generate_series(1, 3)
      WHERE NOT EXISTS (SELECT FROM ${schema}.marks)`,
  );
  await trx.raw(`ANALYZE ${schema}.marks`);
  await trx.raw(`GRANT USAGE ON SCHEMA ${schema} TO ${role}`);
  await trx.raw(`GRANT SELECT, INSERT, UPDATE, DELETE ON ${schema}.marks TO ${role}`);
}

/** Somebody made the same role, or gave it to the same member, in the same moment. */
function isLostRace(error: unknown): boolean {
  const { code, message } = error as { code?: string; message?: string };
  return code === "42710" || code === "23505" || /tuple concurrently updated/.test(message ?? "");
}
