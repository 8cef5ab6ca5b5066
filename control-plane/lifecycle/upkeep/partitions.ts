/** The coming month's partitions of every tenant's message tables. */
import { sendBatch } from "../../../core/db.ts";
import { partitionStatement } from "../../../core/migrations/tenant-schema.ts";
import type { ControlContext } from "../../context.ts";

/** One catalog query says who lacks something, whatever the size of the fleet. Answers how many companies it mended. */
export async function makeMissingPartitions(
  ctx: ControlContext,
  isStopped: () => boolean = () => false,
): Promise<number> {
  const { rows } = await ctx.db.raw<{ rows: { id: number }[] }>(missingSql);
  let made = 0;
  for (const { id } of rows) {
    if (isStopped()) break;
    try {
      // Who reads the table for long, as an export does, is not waited for: everybody else would queue behind this.
      await sendBatch(ctx.ddl, ["SET LOCAL lock_timeout TO '2s'", partitionStatement(id)]);
      made += 1;
    } catch (error) {
      // The default partition takes the rows meanwhile.
      ctx.log.warn({ err: error, companyId: id }, "a company's partitions could not be made");
    }
  }
  return made;
}

const missingSql = `
SELECT DISTINCT c.id FROM (
  SELECT id, uuid FROM companies WHERE desired_state IN ('active', 'suspended') UNION ALL SELECT id, uuid FROM spare_tenants
) AS c
JOIN pg_namespace n ON n.nspname = 'tenant_' || c.id
  AND obj_description(n.oid, 'pg_namespace') = 'secretaria tenant ' || c.uuid
JOIN pg_class parent ON parent.relnamespace = n.oid AND parent.relkind = 'p' AND NOT parent.relispartition
CROSS JOIN generate_series(0, 1) AS ahead
WHERE NOT EXISTS (
  SELECT FROM pg_class part WHERE part.relnamespace = n.oid AND part.relname = parent.relname || to_char(
    date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => ahead), '"_y"YYYY"m"MM'))
ORDER BY c.id`;
