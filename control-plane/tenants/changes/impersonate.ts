/** Support looks into a company: a way in that works once, within a minute, and that the company is shown. */
import { AppError } from "../../../core/errors.ts";
import { randomToken, sha256Hex } from "../../../core/secrets.ts";
import { impersonationKey, tenantHost } from "../../../core/tenant.ts";
import type { Actor } from "../../accounts/authenticate.ts";
import { writeAudit } from "../../audit.ts";
import type { ControlContext } from "../../context.ts";
import type { CompanyRow } from "../../lifecycle/tenant-store.ts";
import { tenantUrl } from "../present-tenant.ts";
import { getCompany } from "./change-tenant.ts";

export interface Impersonation {
  readonly company: CompanyRow;
  /** Carries the secret in its fragment: browsers send it to no server. */
  readonly url: string;
  readonly expiresAt: Date;
}

const lifeSeconds = 60;

/**
 * Audited before anybody gets the way in, or not granted. The secret is kept as a hash only, in the company's namespace.
 * @throws AppError `tenant-not-found`; `state-conflict` when the company is not served; what ioredis throws without Redis.
 */
export async function grantImpersonation(
  ctx: ControlContext,
  grant: { reference: string; reason: string; actor: Actor; correlationId: string },
): Promise<Impersonation> {
  const { actor, reason, correlationId } = grant;
  const company = await getCompany(ctx.db, grant.reference);
  if (company.status !== "active" && company.status !== "degraded")
    throw new AppError("state-conflict", `The company is ${company.status}; there is nothing to look into.`);
  const secret = randomToken();
  const expiresAt = new Date(Date.now() + lifeSeconds * 1000);
  await ctx.db.transaction(async (db) => {
    const key = impersonationKey(company.id, sha256Hex(secret));
    await ctx.redis.set(key, JSON.stringify({ who: actor.email, reason }), "EX", lifeSeconds);
    const data = { slug: company.slug, reason };
    const action = "tenant.impersonation-granted";
    await writeAudit(db, { actor: `user:${actor.userId}`, action, companyId: company.id, correlationId, data });
  });
  const host = tenantHost("chat", company.slug, company.base_domain);
  return { company, url: `${tenantUrl(ctx, host)}/impersonate#${secret}`, expiresAt };
}
