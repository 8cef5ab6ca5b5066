import type { Knex } from "../../../core/db.ts";
import type { StoreScope } from "../../guard/permissions.ts";
import type { GroupChange, NewGroup } from "./schemas.ts";

export interface GroupRow {
  readonly id: string;
  readonly name: string;
  readonly permissions: readonly string[];
  readonly stores: StoreScope;
  /** People in it. */
  readonly people: number;
}

/** By name. */
export const listGroups = async (db: Knex): Promise<GroupRow[]> => readGroups(db, "TRUE", []);

export const findGroup = async (db: Knex, id: string): Promise<GroupRow | undefined> =>
  (await readGroups(db, "g.id = ?", [id]))[0];

async function readGroups(db: Knex, condition: string, values: string[]): Promise<GroupRow[]> {
  const { rows } = await db.raw<{ rows: (GroupRow & { store_scope: string; store_ids: string[] })[] }>(
    `SELECT g.id, g.name, g.permissions, g.store_scope,
            ARRAY(SELECT store_id::text FROM user_group_stores WHERE group_id = g.id ORDER BY store_id) AS store_ids,
            (SELECT count(*)::int FROM users WHERE group_id = g.id) AS people
       FROM user_groups g WHERE ${condition} ORDER BY lower(g.name), g.id`,
    values,
  );
  return rows.map(({ id, name, permissions, people, store_scope, store_ids }) => {
    return { id, name, permissions, stores: store_scope === "all" ? "all" : store_ids, people };
  });
}

/** @throws a unique violation of `user_groups_name_key`, a foreign key violation for a store that is not there. */
export async function insertGroup(db: Knex, { name, permissions, stores }: NewGroup): Promise<string> {
  const [row] = await db("user_groups")
    .insert({ name, permissions: JSON.stringify(permissions), store_scope: scopeOf(stores) })
    .returning("id");
  await linkStores(db, row.id as string, stores);
  return row.id as string;
}

/** What is left out stays. @throws as insertGroup does. */
export async function updateGroup(db: Knex, id: string, { name, permissions, stores }: GroupChange): Promise<void> {
  await db("user_groups")
    .where({ id })
    .update({
      updated_at: db.fn.now(),
      ...(name === undefined ? {} : { name }),
      ...(permissions === undefined ? {} : { permissions: JSON.stringify(permissions) }),
      ...(stores === undefined ? {} : { store_scope: scopeOf(stores) }),
    });
  if (stores === undefined) return;
  await db("user_group_stores").where({ group_id: id }).delete();
  await linkStores(db, id, stores);
}

/** Its people stay, and may do nothing until they are in another. */
export const deleteGroup = (db: Knex, id: string): Promise<number> => db("user_groups").where({ id }).delete();

const scopeOf = (stores: StoreScope): string => (stores === "all" ? "all" : "selected");

async function linkStores(db: Knex, groupId: string, stores: StoreScope): Promise<void> {
  if (stores === "all" || stores.length === 0) return;
  await db("user_group_stores").insert([...new Set(stores)].map((id) => ({ group_id: groupId, store_id: id })));
}
