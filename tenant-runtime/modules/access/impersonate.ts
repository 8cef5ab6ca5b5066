/** The platform's support comes in: as nobody of the company, for a quarter of an hour, and seen by its owners. */
import { z } from "zod";
import { AppError } from "../../../core/errors.ts";
import { sha256Hex } from "../../../core/secrets.ts";
import { impersonationKey, tenantAudience } from "../../../core/tenant.ts";
import type { RuntimeContext } from "../../context.ts";
import type { Impersonator, RequestTenant } from "../../request-tenant.ts";
import { clientColumns, type Client } from "./session-store.ts";

export interface Visit {
  readonly accessToken: string;
  readonly expiresIn: number;
  readonly impersonatedBy: Impersonator;
}

const visitSeconds = 15 * 60;
const grantShape = z.object({ who: z.string().min(1), reason: z.string().min(1) });

/** Uses the secret up, whatever comes of it. @throws AppError `link-invalid` when it is unknown, used or too old. */
export async function impersonate(
  ctx: RuntimeContext,
  tenant: RequestTenant,
  { token, client }: { token: string; client: Client },
): Promise<Visit> {
  const granted = await ctx.redis.getdel(impersonationKey(tenant.id, sha256Hex(token)));
  if (granted === null)
    throw new AppError("link-invalid", "Ask for another in the platform's panel; it lasts a minute.");
  const { who, reason } = grantShape.parse(JSON.parse(granted));
  const [session] = await tenant
    .db("user_sessions")
    .insert({
      kind: "impersonation",
      impersonated_by: who,
      reason,
      ...clientColumns(client),
      expires_at: tenant.db.raw("now() + make_interval(secs => ?)", [visitSeconds]),
    })
    .returning(["id", "expires_at"]);
  const id = session.id as string;
  ctx.log.info({ sessionId: id, impersonatedBy: who, reason }, "support came into the company");
  const claims = { sub: id, sid: id, tenant_id: tenant.id, plan: tenant.plan, role: "owner", type: "access" };
  const { token: accessToken } = ctx.tokens.sign(
    // RFC 8693, 4.1: whoever the subject is, this is who acts.
    { ...claims, act: { sub: who } },
    tenantAudience(tenant.uuid),
    visitSeconds,
  );
  const until = (session.expires_at as Date).toISOString();
  return { accessToken, expiresIn: visitSeconds, impersonatedBy: { who, reason, until } };
}
