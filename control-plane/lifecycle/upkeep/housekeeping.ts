/** What has to be done now and then, by any control plane; doing it twice does no harm. */
import type { ControlContext } from "../../context.ts";
import { removeExpiredArchives } from "../../archive/export/remove-expired.ts";
import { makeMissingPartitions, partLargeTables } from "./partitions.ts";

const roundMs = 6 * 3_600_000;

/** A round at start and every six hours. Answers how to stop, which waits for the round that is under way. */
export function keepHouse(ctx: ControlContext): () => Promise<void> {
  let stopped = false;
  const tasks: Readonly<Record<string, () => Promise<number>>> = {
    "large tables parted by month": () => partLargeTables(ctx, { isStopped: () => stopped }),
    "partitions of the coming month": () => makeMissingPartitions(ctx, { isStopped: () => stopped }),
    "certificates to renew": () => askForRenewals(ctx),
    "expired rows": () => deleteExpired(ctx),
    "expired archives": () => removeExpiredArchives(ctx),
  };
  const round = async () => {
    for (const [name, act] of Object.entries(tasks)) {
      if (stopped) return;
      try {
        const count = await act();
        if (count > 0) ctx.log.info({ count }, name);
      } catch (error) {
        ctx.log.warn({ err: error }, `${name}: not done; the next round comes in six hours`);
      }
    }
  };
  let running = round();
  const timer = setInterval(() => (running = running.then(round)), roundMs);
  return () => {
    stopped = true;
    clearInterval(timer);
    return running;
  };
}

/** Makes the certificate of every served company due that has less than a third of its life left. Answers how many. */
export async function askForRenewals(ctx: ControlContext): Promise<number> {
  const { rows } = await ctx.db.raw<{ rows: unknown[] }>(
    `WITH due AS (
       UPDATE tenant_resources r SET status = 'pending', next_attempt_at = now(), attempts = 0
       FROM companies c
       WHERE c.id = r.company_id AND c.desired_state IN ('active', 'suspended') AND r.name = 'certificate' AND r.status = 'ready'
         AND NOT EXISTS (SELECT FROM certificates k WHERE k.company_id = c.id
                         AND k.not_after - now() >= (k.not_after - k.not_before) / 3)
       RETURNING r.company_id
     )
     INSERT INTO audit_log (id, previous_hash, hash, actor, action, company_id)
     SELECT 0, '', '', 'system', 'certificate.renewal-started', company_id FROM due ORDER BY company_id
     RETURNING company_id`,
  );
  return rows.length;
}

/** Rows that nobody may use any more; a day's grace, a month's for mails, for who reads them to find a fault. */
async function deleteExpired(ctx: ControlContext): Promise<number> {
  let deleted = 0;
  for (const table of ["idempotency_keys", "user_sessions", "revoked_tokens", "one_time_tokens"]) {
    deleted += await ctx.db(table).where("expires_at", "<", ctx.db.raw("now() - interval '1 day'")).delete();
  }
  deleted += await ctx.db("outbox").where("done_at", "<", ctx.db.raw("now() - interval '30 days'")).delete();
  return deleted;
}
