import type { ControlContext } from "../../context.ts";

/** Beyond so many it is not a backup's age: somebody made a schema of that name. */
const most = 1_000_000;

/**
 * A registry from an older backup would give numbers to new companies of which schemas are there. They are passed over,
 * one by one: so the sequence never goes back, whoever takes numbers meanwhile. Answers how many.
 */
export async function passOverUsedIds({ db }: Pick<ControlContext, "db">): Promise<number> {
  const { rows } = await db.raw<{ rows: { count: number }[] }>(
    `WITH used AS (
       SELECT max(CAST(substr(nspname, 8) AS bigint)) AS id FROM pg_namespace WHERE nspname ~ '^tenant_[1-9][0-9]{0,14}$'
     ), given AS (
       SELECT last_value - CASE WHEN is_called THEN 0 ELSE 1 END AS id FROM companies_id_seq
     )
     SELECT count(nextval('companies_id_seq')) AS count FROM used, given, generate_series(given.id + 1, used.id)
     WHERE used.id <= given.id + :most`,
    { most },
  );
  return rows[0]?.count ?? 0;
}
