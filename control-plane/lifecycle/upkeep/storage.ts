/** How much of the database's disk each company takes, once a day. */
import { openDatabase } from "../../../core/db.ts";
import type { ControlContext } from "../../context.ts";

/**
 * Measures some of the companies that have no size of today (UTC): tables with their indexes and long values, and
 * sequences. Safe to repeat and to run side by side.
 */
export async function measureStorage(ctx: ControlContext): Promise<void> {
  const { rows } = await ctx.db.raw<{ rows: { id: number }[] }>(dueSql);
  if (rows.length === 0) return;
  // A connection of its own, closed after: it keeps in memory every relation whose size it was asked for.
  const db = openDatabase(ctx.databaseUrl, { name: "secretaria control-plane storage", max: 1 });
  try {
    await db.transaction(async (trx) => {
      // Behind a migration that takes long nobody waits; the next round asks again.
      await trx.raw("SET LOCAL lock_timeout TO '2s'");
      await trx.raw(measureSql, { ids: rows.map(({ id }) => id) });
    });
  } finally {
    await db.destroy();
  }
}

const today = "CAST(now() AT TIME ZONE 'UTC' AS date)";

/** At least a hundred, and so many of a large fleet that a day's rounds are enough. */
const dueSql = `
SELECT c.id FROM companies c
JOIN pg_namespace n ON n.nspname = 'tenant_' || c.id AND obj_description(n.oid, 'pg_namespace') = 'secretaria tenant ' || c.uuid
WHERE c.desired_state IN ('active', 'suspended', 'closed') AND NOT EXISTS (
  SELECT FROM tenant_usage u WHERE u.company_id = c.id AND u.day = ${today} AND u.storage_bytes IS NOT NULL)
ORDER BY c.id LIMIT greatest(100, (SELECT count(*) / 100 FROM companies))`;

const measureSql = `
INSERT INTO tenant_usage (company_id, day, counter, storage_bytes)
SELECT CAST(substr(n.nspname, 8) AS bigint), ${today}, '', coalesce(sum(pg_total_relation_size(t.oid)), 0)
FROM pg_namespace n
LEFT JOIN pg_class t ON t.relnamespace = n.oid AND t.relkind IN ('r', 'm', 'S')
WHERE n.nspname = ANY(SELECT 'tenant_' || id FROM unnest(CAST(:ids AS bigint[])) AS id)
GROUP BY n.nspname ORDER BY n.nspname
ON CONFLICT (company_id, day, counter) DO UPDATE SET storage_bytes = excluded.storage_bytes, updated_at = now()`;
