import type { Knex } from "../../../core/db.ts";
import type { CustomerInput, NewCustomer, Place } from "./schemas.ts";

export interface CustomerRow {
  readonly id: string;
  readonly name: string;
  readonly phone: string | null;
  readonly email: string | null;
  readonly document: string | null;
  readonly notes: string | null;
  readonly metadata: Record<string, unknown>;
  readonly created_at: Date;
  readonly updated_at: Date;
}

const columns = ["id", "name", "phone", "email", "document", "notes", "metadata", "created_at", "updated_at"];

/** By name, `limit` rows after `after`; `sort_name` is what the database sorted by. */
export function listCustomers(
  db: Knex,
  { search, after, limit }: { search: string | undefined; after: Place | undefined; limit: number },
): Promise<(CustomerRow & { sort_name: string })[]> {
  const query = db("customers")
    .select(columns)
    .select(db.raw("lower(name) AS sort_name"))
    .orderByRaw("lower(name), id")
    .limit(limit);
  if (after) void query.whereRaw("(lower(name), id) > (?, ?)", [after.sortName, after.id]);
  if (search) void query.where((where) => matchSearch(where, search));
  return query;
}

/** Part of a name or e-mail, or at least three digits of a phone or document, however they are typed. */
function matchSearch(where: Knex.QueryBuilder, search: string): void {
  const pattern = `%${search.replace(/[\\%_]/g, "\\$&")}%`;
  void where.whereILike("name", pattern).orWhereILike("email", pattern);
  const digits = search.replace(/\D/g, "");
  if (digits.length < 3 || /\p{L}/u.test(search)) return;
  void where.orWhereLike("phone", `%${digits}%`).orWhereLike("document", `%${digits}%`);
}

export const findCustomer = (db: Knex, id: string): Promise<CustomerRow | undefined> =>
  db("customers").where({ id }).first(columns);

/** @throws a unique violation of `customers_phone_key`. */
export async function insertCustomer(db: Knex, customer: NewCustomer): Promise<CustomerRow> {
  const [row] = await db("customers").insert(toRow(customer)).returning(columns);
  return row as CustomerRow;
}

/** Undefined when there is none. @throws a unique violation of `customers_phone_key`. */
export async function updateCustomer(db: Knex, id: string, change: CustomerInput): Promise<CustomerRow | undefined> {
  const [row] = await db("customers")
    .where({ id })
    .update({ ...toRow(change), updated_at: db.fn.now() })
    .returning(columns);
  return row as CustomerRow | undefined;
}

/** False when there was none. @throws a foreign key violation while orders or bills name the customer. */
export const deleteCustomer = async (db: Knex, id: string): Promise<boolean> =>
  (await db("customers").where({ id }).delete()) > 0;

/** Only the keys that were given: an absent one keeps the column's value or default. */
function toRow(input: CustomerInput): Record<string, unknown> {
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined));
}
