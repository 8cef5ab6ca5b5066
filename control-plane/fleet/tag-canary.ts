import type { Knex } from "../../core/db.ts";
import { writeAudit } from "../audit.ts";

export interface Canary {
  readonly tenantId: number;
  readonly slug: string | null;
}

/** Whether a company goes first in runs that begin with canaries; false when it was so already, or has no schema yet. */
export function tagCanary(
  db: Knex,
  { tenantId, isCanary, actor }: { tenantId: number; isCanary: boolean; actor: string },
): Promise<boolean> {
  return db.transaction(async (trx) => {
    const changed = await trx("tenant_versions")
      .where({ tenant_id: tenantId, is_canary: !isCanary })
      .update({ is_canary: isCanary });
    if (changed === 0) return false;
    const action = isCanary ? "tenant.canary-tagged" : "tenant.canary-untagged";
    await writeAudit(trx, { actor, action, companyId: tenantId });
    return true;
  });
}

/** Companies that go first, by id; schemas made ahead do so too and are not listed. */
export const listCanaries = (db: Knex): Promise<Canary[]> =>
  db("tenant_versions as v")
    .leftJoin("companies as c", "c.id", "v.tenant_id")
    .where("v.is_canary", true)
    .orderBy("v.tenant_id")
    .select("v.tenant_id as tenantId", "c.slug");
