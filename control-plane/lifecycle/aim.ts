/** What is wanted of a tenant, written down: the loop does the rest. Belongs in the transaction of whoever asked. */
import type { Knex } from "../../core/db.ts";
import type { DesiredState } from "../../core/tenant.ts";
import { goalOf } from "./plan-steps.ts";
import type { ResourceName } from "./resource.ts";
import { resources } from "./resources/index.ts";

/** Writes what is wanted from now on. A loop that works towards something else sees the new generation and stops. */
export async function aimAt(db: Knex, companyId: number, desired: DesiredState): Promise<void> {
  await db("companies")
    .where({ id: companyId })
    .update({ desired_state: desired, generation: db.raw("generation + 1"), updated_at: db.fn.now() });
  const again = resources.filter((resource) => resource.followsSuspension).map(({ name }) => name);
  await makeDue(db, companyId, { desired, again });
}

/** Makes every resource due that is not at its goal, and those of `again` whatever they are. */
export async function makeDue(
  db: Knex,
  companyId: number,
  { desired, again }: { desired: DesiredState; again: readonly ResourceName[] },
): Promise<void> {
  for (const { name } of resources) {
    const goal = goalOf(desired, name);
    // What is where it should be is not due, whatever an earlier aim had left in its row.
    await db("tenant_resources").where({ company_id: companyId, name, status: goal }).update({ next_attempt_at: null });
    const row = db("tenant_resources").where({ company_id: companyId, name });
    if (again.includes(name) && goal === "ready")
      await row.update({ status: "pending", next_attempt_at: db.fn.now(), attempts: 0 });
    else await row.whereNot({ status: goal }).update({ next_attempt_at: db.fn.now(), attempts: 0 });
  }
}
