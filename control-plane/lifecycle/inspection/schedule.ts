/** When each company is looked at: once in INSPECTION_HOURS, the fleet spread evenly over that time. */
import type { ControlContext } from "../../context.ts";

/** A round at start and twenty in the time in which everything is looked at. Answers how to stop. */
export function keepInspectionsScheduled(ctx: ControlContext): () => Promise<void> {
  const round = () =>
    scheduleInspections(ctx).catch((error: unknown) =>
      ctx.log.warn({ err: error }, "inspections were not scheduled; the next round does it"),
    );
  let running = round();
  const timer = setInterval(() => (running = running.then(round)), Math.max(intervalSeconds(ctx) / 20, 1) * 1000);
  return () => {
    clearInterval(timer);
    return running;
  };
}

/** Companies that have no turn yet get one at random; those that are closed or removed lose theirs. Safe to repeat. */
export async function scheduleInspections(ctx: ControlContext): Promise<void> {
  await ctx.db.raw(
    `INSERT INTO tenant_inspections (company_id, next_at)
     SELECT id, now() + random() * make_interval(secs => :seconds) FROM companies
     WHERE desired_state IN ('active', 'suspended')
       AND NOT EXISTS (SELECT FROM tenant_inspections i WHERE i.company_id = companies.id)
     ON CONFLICT DO NOTHING`,
    { seconds: intervalSeconds(ctx) },
  );
  await ctx.db.raw(
    `DELETE FROM tenant_inspections i USING companies c
     WHERE c.id = i.company_id AND c.desired_state NOT IN ('active', 'suspended')`,
  );
}

/** Companies whose turn it is and that nobody holds, longest waiting first. */
export async function listDueInspections(
  ctx: ControlContext,
  limit: number,
  except: readonly number[],
): Promise<number[]> {
  const { rows } = await ctx.db.raw<{ rows: { company_id: number }[] }>(
    `SELECT i.company_id FROM tenant_inspections i
     JOIN companies c ON c.id = i.company_id AND c.desired_state IN ('active', 'suspended')
     LEFT JOIN tenant_leases lease ON lease.company_id = i.company_id
     WHERE i.next_at <= now() AND (lease.expires_at IS NULL OR lease.expires_at < now())
       AND NOT i.company_id = ANY(:except)
     ORDER BY i.next_at LIMIT :limit`,
    { limit, except: [...except] },
  );
  return rows.map((row) => row.company_id);
}

export const intervalSeconds = (ctx: ControlContext): number => ctx.config.INSPECTION_HOURS * 3600;
