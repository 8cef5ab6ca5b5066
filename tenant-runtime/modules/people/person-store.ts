import type { Knex } from "../../../core/db.ts";
import type { TenantRole } from "../../guard/ranks.ts";
import type { NewPerson, PersonChange } from "./schemas.ts";

export interface PersonRow {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly role: TenantRole;
  readonly group_id: string | null;
  readonly is_active: boolean;
  readonly has_password: boolean;
  readonly last_login_at: Date | null;
  readonly created_at: Date;
}

const peopleAtMost = 1_000;

const plain = ["id", "email", "name", "role", "group_id", "is_active", "last_login_at", "created_at"];
const columns = (db: Knex) => [...plain, db.raw("password_hash IS NOT NULL AS has_password")];

/** By name, a thousand at most. */
export const listPeople = (db: Knex): Promise<PersonRow[]> =>
  db("users").select(columns(db)).orderByRaw("lower(name), id").limit(peopleAtMost);

export const findPerson = (db: Knex, id: string): Promise<PersonRow | undefined> =>
  db("users").where({ id }).first(columns(db));

/** @throws a unique violation of `users_email_key`. */
export async function insertPerson(db: Knex, { email, name, role, groupId }: NewPerson): Promise<PersonRow> {
  const [row] = await db("users")
    .insert({ email, name, role, group_id: groupId ?? null })
    .returning(columns(db));
  return row as PersonRow;
}

export async function updatePerson(db: Knex, id: string, change: PersonChange): Promise<PersonRow> {
  const { name, role, groupId: group_id, isActive: is_active } = change;
  const given = Object.entries({ name, role, group_id, is_active }).filter(([, value]) => value !== undefined);
  const [row] = await db("users")
    .where({ id })
    .update({ ...Object.fromEntries(given), updated_at: db.fn.now() })
    .returning(columns(db));
  return row as PersonRow;
}

/** Sessions and links go with the person; what the person made stays, and names nobody. */
export const deletePerson = (db: Knex, id: string): Promise<number> => db("users").where({ id }).delete();

export async function countActive(db: Knex, filter: { role?: TenantRole } = {}): Promise<number> {
  const [row] = await db("users")
    .where({ is_active: true, ...filter })
    .count("* as n");
  return Number(row?.["n"]);
}
