/** What a company used in a span of days. */
import { dateOfDay, utcDay } from "../../../core/usage/usage.ts";
import type { ControlContext } from "../../context.ts";
import type { UsageReport } from "./schema.ts";

type Counts = UsageReport["total"];
type Day = UsageReport["days"][number];

export interface Span {
  /** `2026-11-22`, both included. */
  readonly from: string;
  readonly to: string;
}

/** Thirty days, the last of them among them. */
export const monthUntil = (to: string): Span => ({ from: dateOfDay(utcDay(Date.parse(to)) - 29), to });

/** Reads what was collected; the newest minutes are still on their way. */
export async function reportUsage({ db }: ControlContext, tenantId: number, { from, to }: Span): Promise<UsageReport> {
  const { rows } = await db.raw<{ rows: { day: Day; updatedAt: Date }[] }>(reportSql, { tenantId, from, to });
  const updatedAt =
    rows
      .map((row) => row.updatedAt.toISOString())
      .toSorted()
      .at(-1) ?? null;
  const days = rows.map(({ day }) => day);
  return { tenantId, from, to, days, total: totalOf(days), updatedAt };
}

/** Use adds up; storage is what it was last. */
function totalOf(days: readonly Counts[]): Counts {
  const sum = (name: Exclude<keyof Counts, "storageBytes">) => days.reduce((total, day) => total + day[name], 0);
  return {
    requests: sum("requests"),
    rows: sum("rows"),
    bytesIn: sum("bytesIn"),
    bytesOut: sum("bytesOut"),
    jobs: sum("jobs"),
    storageBytes: days.findLast(({ storageBytes }) => storageBytes !== null)?.storageBytes ?? null,
  };
}

/** Counts stay far below 2^53. */
const reportSql = `
SELECT json_build_object('day', day, 'requests', sum(requests), 'rows', sum(rows), 'bytesIn', sum(bytes_in),
    'bytesOut', sum(bytes_out), 'jobs', sum(jobs), 'storageBytes', max(storage_bytes)) AS day, max(updated_at) AS "updatedAt"
FROM tenant_usage WHERE company_id = :tenantId AND tenant_usage.day BETWEEN CAST(:from AS date) AND CAST(:to AS date)
GROUP BY tenant_usage.day ORDER BY tenant_usage.day`;
