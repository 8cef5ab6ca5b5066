/** A person of a tenant who is signed in. */
import { tenantAudience } from "../core/tenant.ts";
import type { TokenService } from "../core/tokens.ts";
import type { ServedTenant } from "../tenant-runtime/library/index.ts";
import { openSession } from "../tenant-runtime/modules/access/session-store.ts";
import type { TokenOptions } from "./test-tenancy.ts";

/** An access token that `tenancy.guard` takes, with a session of its own. */
export async function tokenFor(
  tokens: TokenService,
  tenant: ServedTenant,
  options: TokenOptions = {},
): Promise<string> {
  const { role = "member", email = `${role}@${tenant.slug}.test`, name = email, ttlSeconds = 3600 } = options;
  const { user, sessionId: sid } = await tenant.transaction(async (db) => {
    await db("users").insert({ email, name, role }).onConflict(db.raw("(lower(email))")).merge(["name", "role"]);
    const person = await db("users").whereRaw("lower(email) = lower(?)", [email]).first("id", "email", "name", "role");
    return openSession(db, person, { ip: undefined, userAgent: "test" });
  });
  const claims = { sub: user.id, sid, tenant_id: tenant.id, plan: tenant.plan, role, type: "access" };
  return tokens.sign(claims, tenantAudience(tenant.uuid), ttlSeconds).token;
}
