/** One holder per tenant. The token grows at every takeover; a write with an old one changes nothing. */
import type { ControlContext } from "../context.ts";

/** The process no longer holds the tenant, or works towards what is not wanted any more; the next one starts from the rows. */
export class LeaseLost extends Error {
  override readonly name = "LeaseLost";
  constructor(companyId: number) {
    super(`tenant ${companyId} was taken over or changed its aim`);
  }
}

/** Takes a free or expired lease. Undefined when somebody else holds it, and when the company is gone. */
export async function takeLease(ctx: ControlContext, companyId: number): Promise<number | undefined> {
  const { rows } = await ctx.db.raw<{ rows: { token: number }[] }>(
    `INSERT INTO tenant_leases AS lease (company_id, owner, expires_at) 
     SELECT id, :owner, ${expiry} FROM companies WHERE id = :companyId
     ON CONFLICT (company_id) DO UPDATE SET token = lease.token + 1, owner = excluded.owner, expires_at = excluded.expires_at
     WHERE lease.expires_at < now() RETURNING token`,
    { companyId, owner: ctx.instance, seconds: ctx.config.LEASE_SECONDS },
  );
  return rows[0]?.token;
}

/** Lets the next one in at once. */
export async function releaseLease(ctx: ControlContext, companyId: number, fence: number): Promise<void> {
  await ctx
    .db("tenant_leases")
    .where({ company_id: companyId, token: fence })
    .update({ expires_at: ctx.db.raw("now()") });
}

/** Renews at a third of the lease's life until the returned function is called. A failed renewal is left to the next. */
export function keepLease(ctx: ControlContext, companyId: number, fence: number): () => void {
  const renew = () =>
    ctx.db
      .raw(`UPDATE tenant_leases SET expires_at = ${expiry} WHERE company_id = :companyId AND token = :fence`, {
        companyId,
        fence,
        seconds: ctx.config.LEASE_SECONDS,
      })
      .catch((error: unknown) => ctx.log.warn({ err: error, companyId }, "lease was not renewed"));
  const timer = setInterval(() => void renew(), (ctx.config.LEASE_SECONDS * 1000) / 3);
  return () => clearInterval(timer);
}

const expiry = "now() + make_interval(secs => :seconds)";
