/** What is wanted of a tenant, written down: the loop does the rest. Belongs in the transaction of whoever asked. */
import type { Knex } from "../../core/db.ts";
import type { DesiredState } from "../../core/tenant.ts";
import { goalOf } from "./plan-steps.ts";
import type { ResourceName } from "./resource.ts";
import { resources } from "./resources/index.ts";

export interface Aim {
  readonly desired: DesiredState;
  /** Until when a closed company is kept, and what it was before. */
  readonly closing?: { readonly purgeAfter: Date; readonly from: "active" | "suspended" };
  /** Made anew whatever their rows say. */
  readonly again?: readonly ResourceName[];
}

/** Writes what is wanted from now on. A loop that works towards something else sees the new generation and stops. */
export async function aimAt(db: Knex, companyId: number, { desired, closing, again = [] }: Aim): Promise<void> {
  await db("companies")
    .where({ id: companyId })
    .update({
      desired_state: desired,
      generation: db.raw("generation + 1"),
      closed_from: closing?.from ?? null,
      purge_after: closing?.purgeAfter ?? null,
      updated_at: db.fn.now(),
    });
  if (desired === "deleted")
    await db("tenant_resources").insert({ company_id: companyId, name: "archive" }).onConflict().ignore();
  const follow = resources.filter((resource) => resource.followsSuspension).map(({ name }) => name);
  await makeDue(db, companyId, { desired, again: [...follow, ...again] });
}

/** Makes every resource due that is not at its goal, and those of `again` whatever they are. */
export async function makeDue(
  db: Knex,
  companyId: number,
  { desired, again }: { desired: DesiredState; again: readonly ResourceName[] },
): Promise<void> {
  for (const { name } of resources) {
    const goal = goalOf(desired, name);
    const row = () => db("tenant_resources").where({ company_id: companyId, name });
    // What is where it should be is not due, whatever an earlier aim had left in its row.
    await (goal === undefined ? row() : row().where({ status: goal })).update({ next_attempt_at: null });
    if (goal === undefined) continue;
    if (again.includes(name) && goal === "ready")
      await row().update({ status: "pending", next_attempt_at: db.fn.now(), attempts: 0 });
    else await row().whereNot({ status: goal }).update({ next_attempt_at: db.fn.now(), attempts: 0 });
  }
}
