/** Finds convergence that is due and that nobody holds: retries, and what a dead process left behind. */
import type { ControlContext } from "../context.ts";
import { converge } from "./converge.ts";
import { startDuePurges } from "./endings/deletion.ts";
import { listDueInspections } from "./inspection/schedule.ts";

/** At once in one process; schemas are bounded by their own few connections, so what waits for others may be many. */
const atOnce = 16;

export interface Sweep {
  /** Stops looking and waits for what is running. */
  close(): Promise<void>;
}

export function startSweep(ctx: ControlContext): Sweep {
  const running = new Map<number, Promise<void>>();
  let closed = false;
  let looking: Promise<void> = Promise.resolve();
  let down = false;

  const run = (companyId: number) => {
    const work = converge(ctx, companyId)
      .catch((error: unknown) => ctx.log.warn({ err: error, companyId }, "convergence stopped; the sweep comes again"))
      .finally(() => running.delete(companyId));
    running.set(companyId, work);
  };
  const look = async () => {
    try {
      // Exports take long: half of the places stay with what crashed and what is tried again.
      await startDuePurges(ctx, atOnce / 2 - running.size);
      const due = await listDue(ctx, atOnce - running.size, [...running.keys()]);
      for (const id of closed ? [] : due) run(id);
      // Inspections never keep work waiting: they come when nearly all is idle, and take no more than a quarter of it.
      const idle = Math.floor(atOnce / 4) - running.size;
      const looks = idle > 0 ? await listDueInspections(ctx, idle, [...running.keys()]) : [];
      for (const id of closed ? [] : looks) run(id);
      down = false;
    } catch (error) {
      if (!down) ctx.log.warn({ err: error }, "the sweep cannot read what is due");
      down = true;
    }
  };
  const timer = setInterval(() => (looking = looking.then(look)), ctx.config.SWEEP_SECONDS * 1000);
  return {
    async close() {
      closed = true;
      clearInterval(timer);
      await looking;
      await Promise.allSettled(running.values());
    },
  };
}

/**
 * Tenants with a resource that is due and no living lease, longest waiting first; and those whose operation is still
 * open though nothing will be tried any more: their process died between its last step and the operation's end.
 */
export async function listDue(ctx: ControlContext, limit: number, except: readonly number[]): Promise<number[]> {
  if (limit <= 0) return [];
  const { rows } = await ctx.db.raw<{ rows: { company_id: number }[] }>(dueSql, { limit, except: [...except] });
  return rows.map((row) => row.company_id);
}

const dueSql = `
SELECT due.company_id FROM (
  SELECT company_id, next_attempt_at AS since FROM tenant_resources WHERE next_attempt_at <= now()
  UNION ALL
  SELECT company_id, created_at FROM operations WHERE status = 'running' AND NOT EXISTS (
    SELECT FROM tenant_resources r WHERE r.company_id = operations.company_id AND r.next_attempt_at IS NOT NULL)
) AS due
LEFT JOIN tenant_leases lease ON lease.company_id = due.company_id
WHERE (lease.expires_at IS NULL OR lease.expires_at < now()) AND NOT due.company_id = ANY(:except)
GROUP BY due.company_id ORDER BY min(due.since) LIMIT :limit`;
