/** Brings what companies used from Redis, where it is counted, into `tenant_usage`, where it is kept. */
import { dateOfDay, utcDay } from "../../../core/usage/usage.ts";
import {
  dropCounters,
  keptDays,
  listCounted,
  readCounters,
  type UsageReading,
} from "../../../core/usage/usage-counters.ts";
import type { ControlContext } from "../../context.ts";
import { measureStorage } from "./storage.ts";

const atOnce = 500;

/** A round at start and every USAGE_COLLECT_SECONDS, by any control plane. Answers how to stop. */
export function keepUsage(ctx: ControlContext): () => Promise<void> {
  let stopped = false;
  const round = async () => {
    for (const act of [collectUsage, measureStorage]) {
      if (stopped) return;
      await act(ctx).catch((error: unknown) =>
        ctx.log.warn({ err: error }, "usage was not collected; the next round does it"),
      );
    }
  };
  let running = round();
  const timer = setInterval(() => (running = running.then(round)), ctx.config.USAGE_COLLECT_SECONDS * 1000);
  return () => {
    stopped = true;
    clearInterval(timer);
    return running;
  };
}

/**
 * Safe to repeat and to run side by side: counters only grow, so the greatest reading of each is the truth. Days before
 * yesterday are settled: their counters are dropped once they are stored.
 */
export async function collectUsage(ctx: ControlContext): Promise<void> {
  const today = utcDay();
  for (let day = today; day > today - keptDays; day--) {
    const ids = (await listCounted(ctx.redis, day)).toSorted((a, b) => a - b);
    for (let start = 0; start < ids.length; start += atOnce) {
      const some = ids.slice(start, start + atOnce);
      await store(ctx, await readCounters(ctx.redis, day, some));
      if (day < today - 1) await dropCounters(ctx.redis, day, some);
    }
  }
}

async function store({ db }: ControlContext, readings: readonly UsageReading[]): Promise<void> {
  if (readings.length === 0) return;
  const rows = readings.map(({ companyId, day, counter, counts }) => ({
    company_id: companyId,
    day: dateOfDay(day),
    counter,
    ...counts,
  }));
  await db.raw(storeSql, { rows: JSON.stringify(rows) });
}

/** What did not grow is not written: most companies are quiet most of the time. */
const storeSql = `
INSERT INTO tenant_usage AS kept (company_id, day, counter, requests, rows, bytes_in, bytes_out, jobs)
SELECT company_id, day, counter, requests, rows, bytes_in, bytes_out, jobs
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS read (company_id bigint, day date, counter text, requests bigint,
  rows bigint, bytes_in bigint, bytes_out bigint, jobs bigint)
ON CONFLICT (company_id, day, counter) DO UPDATE SET
  requests = greatest(kept.requests, excluded.requests), rows = greatest(kept.rows, excluded.rows),
  bytes_in = greatest(kept.bytes_in, excluded.bytes_in), bytes_out = greatest(kept.bytes_out, excluded.bytes_out),
  jobs = greatest(kept.jobs, excluded.jobs), updated_at = now()
WHERE excluded.requests > kept.requests OR excluded.rows > kept.rows OR excluded.bytes_in > kept.bytes_in
  OR excluded.bytes_out > kept.bytes_out OR excluded.jobs > kept.jobs`;
