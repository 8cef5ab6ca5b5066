import { isDeepStrictEqual } from "node:util";
import type { Knex } from "../../core/db.ts";
import { AppError } from "../../core/errors.ts";
import type { ProvisionRequest } from "./tenant-schemas.ts";

export interface PlanRow {
  readonly id: number;
  readonly code: string;
  readonly name: string;
  readonly price_cents: number;
  readonly limits: Record<string, number>;
  readonly is_active: boolean;
}

/**
 * The plan a request names, or the one it describes, created when there is none of that code.
 * @throws AppError `plan-unknown`, or `plan-exists` when the code is taken by a plan with other terms.
 */
export async function resolvePlan(db: Knex, wanted: ProvisionRequest["plan"]): Promise<PlanRow> {
  if (typeof wanted === "string") {
    const plan = await findPlan(db, wanted);
    if (plan?.is_active) return plan;
    const errors = [{ pointer: "/plan", detail: "is not the code of a plan; see GET /api/plans" }];
    throw new AppError("plan-unknown", `Choose one of the plans of GET /api/plans, or describe a new one.`, { errors });
  }
  const { code, name, priceCents: price_cents, limits = {} } = wanted;
  await db("plans")
    .insert({ code, name, price_cents, limits: JSON.stringify(limits) })
    .onConflict("code")
    .ignore();
  const plan = await findPlan(db, code);
  if (plan?.name === name && plan.price_cents === price_cents && isDeepStrictEqual(plan.limits, limits)) return plan;
  const errors = [{ pointer: "/plan/code", detail: "belongs to a plan with another name, price or limits" }];
  throw new AppError("plan-exists", `Use the plan as it is by sending its code, or choose another code.`, { errors });
}

export const listPlans = (db: Knex): Promise<(PlanRow & { modules: string[] })[]> =>
  db("plans")
    .leftJoin("plan_modules", "plan_modules.plan_id", "plans.id")
    .where("plans.is_active", true)
    .groupBy("plans.id")
    .orderBy(["price_cents", "plans.id"])
    .select("plans.*", db.raw("array_remove(array_agg(module_code ORDER BY module_code), NULL) AS modules"));

const findPlan = (db: Knex, code: string): Promise<PlanRow | undefined> => db("plans").where({ code }).first();
