/** Which tenants a run would bring where, and in which wave each is. */
import type { Knex } from "../../core/db.ts";
import { AppError } from "../../core/errors.ts";
import { readMigrations, type SqlMigration } from "../../core/migrations/sql-files.ts";
import { isNewerVersion, versionOf } from "../../core/migrations/version.ts";
import type { RunOptions } from "./run-options.ts";

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

/** What a run with these options is. @throws AppError `invalid-request`. */
export async function draftRun(db: Knex, options: RunOptions): Promise<Draft> {
  const all = readMigrations("tenant");
  const target = targetOf(all, options);
  const from = await listFrom(db, options, target);
  const name = (target ?? versionOf(all)).split(" ")[0] ?? "";
  const ours = from.filter(({ version }) => options.direction === "down" || !isNewerVersion(version, name));
  const bindings = {
    versions: ours.map(({ version }) => version),
    only: options.tenants ?? null,
    percents: options.mode === "on-request" ? [100] : options.waves,
    canary: options.canary,
  };
  const { rows } = ours.length === 0 ? { rows: [] } : await db.raw<CountRows>(countSql, bindings);
  const tenants = rows.reduce((sum, row) => sum + row.tenants, 0);
  const waves = rows.map(({ number, tenants: count }) => ({ number, name: waveName(options, number), tenants: count }));
  const newer = from.filter((row) => !ours.includes(row)).reduce((sum, row) => sum + row.tenants, 0);
  const files = target === null ? [] : filesOf(all, { direction: options.direction, target, from: ours });
  return {
    plan: { direction: options.direction, target, files, from: ours, waves, tenants, newer },
    pending: options.direction === "up" ? all.filter((file) => files.includes(file.name)) : [],
    sql: plannedSql,
    bindings,
  };
}

function waveName({ waves, mode }: RunOptions, number: number): string {
  if (number === 1) return "canary";
  return mode === "on-request" ? "on request" : `${waves[number - 2]} %`;
}

type CountRows = { rows: { number: number; tenants: number }[] };

/** @throws AppError `invalid-request` for a file that is not there. */
function targetOf(all: readonly SqlMigration[], { direction, to }: RunOptions): string | null {
  if (to === undefined) return direction === "down" ? null : versionOf(all);
  if (direction === "down" && /^0+$/.test(to)) return versionOf([]);
  const index = all.findIndex(({ name }) => name === to || name.split("_")[0] === to || name === `${to}.sql`);
  if (index !== -1) return versionOf(all.slice(0, index + 1));
  const detail = `there is no migration '${to}'; name a file, e.g. ${all.at(-1)?.name ?? ""}`;
  throw new AppError("invalid-request", detail, { errors: [{ pointer: "/to", detail }] });
}

/** Two ranges of an index: what is at head is not even looked at. */
async function listFrom(
  db: Knex,
  { direction, tenants }: RunOptions,
  target: string | null,
): Promise<{ version: string; tenants: number }[]> {
  const query = db("tenant_versions")
    .groupBy("version")
    .orderBy("version")
    .select("version", db.raw("count(*)::int AS tenants"));
  if (tenants !== undefined) void query.whereIn("tenant_id", tenants);
  if (target === null) return query;
  if (direction === "down") return query.where("version", ">", target);
  return query.where((q) => q.where("version", "<", target).orWhere("version", ">", target));
}

function filesOf(
  all: readonly SqlMigration[],
  { direction, target, from }: { direction: "up" | "down"; target: string; from: readonly { version: string }[] },
): string[] {
  const known = new Map(Array.from({ length: all.length + 1 }, (_, n) => [versionOf(all.slice(0, n)), n]));
  const end = known.get(target) ?? all.length;
  const counts = from.map(({ version }) => known.get(version) ?? (direction === "up" ? 0 : all.length));
  if (counts.length === 0) return [];
  const names = all.map(({ name }) => name);
  if (direction === "up") return names.slice(Math.min(...counts), end);
  return names.slice(end, Math.max(...counts)).toReversed();
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

const countSql = `SELECT wave AS number, count(*)::int AS tenants FROM (${plannedSql}) AS planned GROUP BY wave ORDER BY wave`;
