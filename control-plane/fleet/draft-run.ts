/** Which tenants a run would bring where, and in which wave each is. */
import type { Knex } from "../../core/db.ts";
import { readMigrations, type SqlMigration } from "../../core/migrations/sql-files.ts";
import { filesOfVersion, isNewerVersion, versionOf } from "../../core/migrations/version.ts";
import { listVersions } from "./fleet-versions.ts";
import type { RunOptions } from "./run-options.ts";
import { filesToRun, isToChange, targetOf, type Destination } from "./run-target.ts";

export interface RunPlan {
  readonly direction: "up" | "down";
  /** Version to arrive at; null: each tenant undoes its own last batch. */
  readonly target: string | null;
  /** Files that some tenant lacks, or has to undo, in the order they run; empty where each has its own last batch. */
  readonly files: readonly string[];
  /** Tenants of each version that is to change. */
  readonly from: readonly { readonly version: string; readonly tenants: number }[];
  readonly waves: readonly { readonly number: number; readonly name: string; readonly tenants: number }[];
  readonly tenants: number;
  /** Of a newer release; they are left alone. */
  readonly newer: number;
}

export interface Draft {
  readonly plan: RunPlan;
  /** What runs upwards. */
  readonly pending: readonly SqlMigration[];
  /** Selects tenant_id, version and wave of every tenant of the run. */
  readonly sql: string;
  readonly bindings: Record<string, Knex.Value>;
}

/**
 * What a run with these options is: one query, and one more where a schema is not where the run would bring it.
 * @throws AppError `invalid-request`.
 */
export async function draftRun(db: Knex, options: RunOptions): Promise<Draft> {
  const all = readMigrations("tenant");
  const { direction, mode, canary, tenants: only = null } = options;
  const target = targetOf(all, direction, options.to);
  const versions = await listVersions(db);
  const newer = direction === "up" ? versions.filter((version) => isNewerVersion(version, versionOf(all))) : [];
  const ours = versions.filter((version) => !newer.includes(version) && isToChange({ direction, target }, version));
  const bindings = { versions: ours, only, percents: mode === "on-request" ? [100] : options.waves, canary };
  const rows = ours.length + newer.length === 0 ? [] : await countTenants(db, { ...bindings, newer });
  const counted = rows.filter(({ wave }) => wave !== null);
  const numbers = [...new Set(counted.map(({ wave }) => wave ?? 0))].toSorted((a, b) => a - b);
  const from = ours.map((version) => ({ version, tenants: sumOf(counted.filter((row) => row.version === version)) }));
  const changing = from.filter(({ tenants }) => tenants > 0);
  const files = filesOf(
    all,
    { direction, target },
    changing.map(({ version }) => version),
  );
  return {
    plan: {
      direction,
      target,
      files: (direction === "up" ? files : files.toReversed()).map(({ name }) => name),
      from: changing,
      waves: numbers.map((number) => ({
        number,
        name: waveName(options, number),
        tenants: sumOf(counted.filter(({ wave }) => wave === number)),
      })),
      tenants: sumOf(counted),
      newer: sumOf(rows.filter(({ wave }) => wave === null)),
    },
    pending: direction === "up" ? files : [],
    sql: plannedSql,
    bindings,
  };
}

const sumOf = (rows: readonly { readonly tenants: number }[]): number =>
  rows.reduce((sum, { tenants }) => sum + tenants, 0);

function waveName({ waves, mode }: RunOptions, number: number): string {
  if (number === 1) return "canary";
  return mode === "on-request" ? "on request" : `${waves[number - 2]} %`;
}

interface Counted {
  readonly version: string;
  /** Null: of a newer release. */
  readonly wave: number | null;
  readonly tenants: number;
}

async function countTenants(db: Knex, bindings: Record<string, Knex.Value>): Promise<readonly Counted[]> {
  const { rows } = await db.raw<{ rows: Counted[] }>(countSql, bindings);
  return rows;
}

/** What some of these versions lack, or have to undo. One that these files never made may lack, and have, all. */
function filesOf(
  all: readonly SqlMigration[],
  { direction, target }: Destination,
  from: readonly string[],
): readonly SqlMigration[] {
  if (target === null) return [];
  const strange = direction === "up" ? [] : all;
  const some = new Set(
    from.flatMap((version) => filesToRun(all, { direction, target }, filesOfVersion(all, version) ?? strange) ?? []),
  );
  return all.filter((file) => some.has(file));
}

/**
 * Wave 1 has the canaries: schemas made ahead, and tenants tagged as such. The others are shuffled, the same way each
 * time, and wave n+1 has those up to the n-th share of the fleet.
 */
const plannedSql = `
  SELECT tenant_id, version, CASE WHEN is_first THEN 1 ELSE 1 + (
      SELECT min(w.number) FROM unnest(CAST(:percents AS float8[])) WITH ORDINALITY AS w (percent, number)
      WHERE ceil(fleet * w.percent / 100) >= place)::int END AS wave
  FROM (
    SELECT tenant_id, version, is_first, row_number() OVER (PARTITION BY is_first ORDER BY hashint8(tenant_id), tenant_id) AS place,
           count(*) OVER (PARTITION BY is_first) AS fleet
    FROM (
      SELECT v.tenant_id, v.version,
             CAST(:canary AS boolean) AND (v.is_canary OR EXISTS (SELECT FROM spare_tenants s WHERE s.id = v.tenant_id)) AS is_first
      FROM tenant_versions v
      WHERE v.version = ANY (CAST(:versions AS text[]))
        AND (CAST(:only AS bigint[]) IS NULL OR v.tenant_id = ANY (CAST(:only AS bigint[])))
    ) AS behind
  ) AS placed`;

const countSql = `
  SELECT version, wave, count(*)::int AS tenants FROM (${plannedSql}) AS planned GROUP BY version, wave
  UNION ALL
  SELECT version, NULL, count(*)::int FROM tenant_versions
  WHERE version = ANY (CAST(:newer AS text[])) AND (CAST(:only AS bigint[]) IS NULL OR tenant_id = ANY (CAST(:only AS bigint[])))
  GROUP BY version`;
