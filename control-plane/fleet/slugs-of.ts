import type { Knex } from "../../core/db.ts";

/** Slugs of the companies among these tenants, by id; a schema made ahead has none. */
export async function slugsOf(db: Knex, ids: readonly number[]): Promise<ReadonlyMap<number, string>> {
  const rows = await db("companies").whereIn("id", ids).select<{ id: number; slug: string }[]>("id", "slug");
  return new Map(rows.map(({ id, slug }) => [id, slug]));
}
