/** Tables that are parted by month: those that have become large, and the coming month of those that are. */
import { compiledMonthTables } from "../../../core/migrations/compile.ts";
import { partByMonthStatement, partitionStatement } from "../../../core/migrations/tenant-schema.ts";
import type { ControlContext } from "../../context.ts";

/** Beyond this a table's months are worth a partition each: dropping one of them spares the deletion of some 100,000 rows. */
const largeBytes = 64 * 1024 * 1024;

export interface UpkeepOptions {
  readonly isStopped?: () => boolean;
}

/** Parts what is larger than `bytes`; no row is moved. One look at the files' sizes. Answers how many tables it parted. */
export async function partLargeTables(
  ctx: ControlContext,
  { isStopped = () => false, bytes = largeBytes }: UpkeepOptions & { readonly bytes?: number } = {},
): Promise<number> {
  const tables = await compiledMonthTables();
  const { rows } = await ctx.db.raw<{ rows: { id: number; name: string }[] }>(largeSql, {
    names: tables.map(({ name }) => name),
    bytes,
  });
  let parted = 0;
  for (const { id, name } of rows) {
    const table = tables.find((one) => one.name === name);
    if (isStopped() || table === undefined) break;
    if (await change(ctx, id, partByMonthStatement(id, table))) parted += 1;
  }
  return parted;
}

/** One catalog query says who lacks something, whatever the size of the fleet. Answers how many companies it mended. */
export async function makeMissingPartitions(
  ctx: ControlContext,
  { isStopped = () => false }: UpkeepOptions = {},
): Promise<number> {
  const { rows } = await ctx.db.raw<{ rows: { id: number }[] }>(missingSql);
  let made = 0;
  for (const { id } of rows) {
    if (isStopped()) break;
    if (await change(ctx, id, partitionStatement(id))) made += 1;
  }
  return made;
}

/** Whether it did anything. */
async function change(ctx: ControlContext, companyId: number, statement: string): Promise<boolean> {
  try {
    return await ctx.ddl.transaction(async (trx) => {
      // Who reads the table for long, as an export does, is not waited for: everybody else would queue behind this.
      await trx.raw("SET LOCAL lock_timeout TO '2s'");
      const { rows } = await trx.raw<{ rows: object[] }>(statement);
      return Boolean(Object.values(rows[0] ?? {})[0]);
    });
  } catch (error) {
    // One table or the default partition takes the rows meanwhile.
    ctx.log.warn({ err: error, companyId }, "a company's partitions could not be made");
    return false;
  }
}

const schemas = `(
  SELECT c.id, n.oid FROM (
    SELECT id, uuid FROM companies WHERE desired_state IN ('active', 'suspended') UNION ALL SELECT id, uuid FROM spare_tenants
  ) AS c
  JOIN pg_namespace n ON n.nspname = 'tenant_' || c.id
    AND obj_description(n.oid, 'pg_namespace') = 'secretaria tenant ' || c.uuid) AS n`;

const largeSql = `
SELECT n.id, t.relname AS name FROM ${schemas}
JOIN pg_class t ON t.relnamespace = n.oid AND t.relname = ANY(:names) AND t.relkind = 'r' AND NOT t.relispartition
WHERE pg_relation_size(t.oid) > :bytes
ORDER BY n.id, t.relname`;

/** This month's rows may be in the default partition already: then only the next month's can be made. */
const missingSql = `
SELECT DISTINCT n.id FROM ${schemas}
JOIN pg_class parent ON parent.relnamespace = n.oid AND parent.relkind = 'p' AND NOT parent.relispartition
JOIN pg_partitioned_table p ON p.partrelid = parent.oid AND p.partstrat = 'r'
JOIN generate_series(0, 1) AS ahead ON ahead = 1 OR p.partdefid = 0
WHERE NOT EXISTS (
  SELECT FROM pg_class part WHERE part.relnamespace = n.oid AND part.relname = parent.relname || to_char(
    date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => ahead), '"_y"YYYY"m"MM'))
ORDER BY n.id`;
