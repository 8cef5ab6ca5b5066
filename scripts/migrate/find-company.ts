import type { Knex } from "../../core/db.ts";
import { ownerMark, schemaName } from "../../core/tenant.ts";
import { uuidPattern } from "../../core/validation.ts";

export interface Company {
  readonly id: number;
  readonly uuid: string;
  readonly slug: string;
  /** `tenant_7 (acme)`. */
  readonly label: string;
}

/** A company that has, or will have, a schema. @throws Error when there is none by that id, uuid or slug. */
export async function getCompany(db: Knex, reference: string): Promise<Company> {
  const key = /^\d{1,15}$/.test(reference) ? "id" : uuidPattern.test(reference) ? "uuid" : "slug";
  const row = await db("companies")
    .where({ [key]: reference })
    .whereNotIn("desired_state", ["deleted", "rolled_back"])
    .first("id", "uuid", "slug");
  if (row === undefined) throw new Error(`there is no company '${reference}'; name it by id, uuid or slug`);
  return { ...row, label: `${schemaName(row.id)} (${row.slug})` };
}

/** @throws Error when the schema is not there yet, or is a stranger's under the company's name. */
export async function requireOwnSchema(db: Knex, { id, uuid }: Company): Promise<void> {
  const { rows } = await db.raw<{ rows: { found: string | null }[] }>(
    "SELECT obj_description(oid, 'pg_namespace') AS found FROM pg_namespace WHERE nspname = ?",
    [schemaName(id)],
  );
  if (rows[0] === undefined) throw new Error(`there is no schema ${schemaName(id)} yet`);
  if (rows[0].found !== ownerMark(uuid))
    throw new Error(`schema ${schemaName(id)} carries another mark: it is not this company's`);
}
