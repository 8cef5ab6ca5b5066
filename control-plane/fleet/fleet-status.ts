import type { Knex } from "../../core/db.ts";
import { isNewerVersion } from "../../core/migrations/version.ts";
import type { RunRow } from "./run-store.ts";

/** The ends of a run, as a status names it. */
export interface RunBrief {
  readonly id: string;
  readonly direction: RunRow["direction"];
  readonly target: string | null;
  readonly status: RunRow["status"];
  readonly requestedBy: string;
  readonly pauseReason: string | null;
  readonly createdAt: string;
  readonly finishedAt: string | null;
}

export interface FleetStatus {
  /** Version that this process makes. */
  readonly head: string;
  /** Every version that a schema has, oldest first. */
  readonly versions: readonly {
    readonly version: string;
    readonly tenants: number;
    /** Against `head`; `newer` ones were made by a newer release. */
    readonly place: "behind" | "head" | "newer";
  }[];
  readonly tenants: number;
  readonly behind: number;
  readonly newer: number;
  /** The first of those behind, by version and id; never more than `listed`. */
  readonly firstBehind: readonly {
    readonly tenantId: number;
    readonly slug: string | null;
    readonly version: string;
  }[];
  readonly openRun: RunBrief | null;
  /** Newest that has ended. */
  readonly lastRun: RunBrief | null;
}

const listed = 20;

/** Where the whole fleet stands, from the registry in one statement: no tenant's schema is looked at. */
export async function readFleetStatus(db: Knex, head: string): Promise<FleetStatus> {
  const { rows } = await db.raw<{ rows: Answer[] }>(statusSql, { head, listed });
  const [{ versions, firstBehind, openRun, lastRun }] = rows as [Answer];
  const placed = versions.map(({ version, tenants }) => ({ version, tenants, place: placeOf(version, head) }));
  const count = (place?: string) =>
    placed.reduce((sum, row) => sum + (place === undefined || row.place === place ? row.tenants : 0), 0);
  return {
    head,
    versions: placed,
    tenants: count(),
    behind: count("behind"),
    newer: count("newer"),
    firstBehind,
    openRun: withIsoTimes(openRun),
    lastRun: withIsoTimes(lastRun),
  };
}

interface Answer extends Pick<FleetStatus, "firstBehind" | "openRun" | "lastRun"> {
  readonly versions: readonly { readonly version: string; readonly tenants: number }[];
}

function placeOf(version: string, head: string): "behind" | "head" | "newer" {
  if (version === head) return "head";
  return isNewerVersion(version, head) ? "newer" : "behind";
}

/** PostgreSQL writes moments into JSON in the session's time zone. */
const withIsoTimes = (run: RunBrief | null): RunBrief | null =>
  run && {
    ...run,
    createdAt: new Date(run.createdAt).toISOString(),
    finishedAt: run.finishedAt && new Date(run.finishedAt).toISOString(),
  };

const brief = `json_build_object('id', id, 'direction', direction, 'target', target, 'status', status, 'requestedBy', requested_by,
  'pauseReason', pause_reason, 'createdAt', created_at, 'finishedAt', finished_at)`;

const statusSql = `
  SELECT
    (SELECT coalesce(json_agg(v ORDER BY v.version), '[]')
     FROM (SELECT version, count(*)::int AS tenants FROM tenant_versions GROUP BY version) AS v) AS versions,
    (SELECT coalesce(json_agg(b ORDER BY b.version, b."tenantId"), '[]') FROM (
       SELECT v.tenant_id AS "tenantId", c.slug, v.version
       FROM fleet_versions older CROSS JOIN LATERAL (
         SELECT tenant_id, version FROM tenant_versions t WHERE t.version = older.version ORDER BY tenant_id LIMIT :listed) AS v
       LEFT JOIN companies c ON c.id = v.tenant_id
       WHERE older.version <> :head AND NOT is_behind(:head, older.version)
       ORDER BY v.version, v.tenant_id LIMIT :listed) AS b) AS "firstBehind",
    (SELECT ${brief} FROM migration_runs WHERE status IN ('running', 'paused')) AS "openRun",
    (SELECT ${brief} FROM migration_runs WHERE finished_at IS NOT NULL ORDER BY finished_at DESC LIMIT 1) AS "lastRun"`;
