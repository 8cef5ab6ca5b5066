import { isDeepStrictEqual } from "node:util";
import type { Knex } from "../../core/db.ts";
import type { PlanIsolation } from "../../core/plan-terms.ts";
import { AppError } from "../../core/errors.ts";
import type { ProvisionRequest } from "./tenant-schemas.ts";

export interface PlanRow {
  readonly id: number;
  readonly code: string;
  readonly name: string;
  readonly price_cents: number;
  readonly limits: Record<string, number>;
  readonly isolation: PlanIsolation;
  readonly is_active: boolean;
}

type DescribedPlan = Exclude<ProvisionRequest["plan"], string>;

/** Creates the plan when there is none of its code, and answers whether it did. @throws AppError `plan-exists` when there is one with other terms. */
export async function ensurePlan(db: Knex, plan: DescribedPlan): Promise<boolean> {
  const { code, name, priceCents, limits = {}, isolation, modules } = plan;
  const row = { code, name, price_cents: priceCents, limits: JSON.stringify(limits), isolation };
  await refuseUnknownModules(db, modules);
  const made = await db("plans").insert(row).onConflict("code").ignore().returning("id");
  if (made.length > 0 && modules.length > 0)
    await db("plan_modules").insert(modules.map((module_code) => ({ plan_id: made[0].id, module_code })));
  const known: PlanRow | undefined = await db("plans").where({ code }).first();
  const isSame = known?.name === name && known.price_cents === priceCents && known.isolation === isolation;
  const granted: string[] = known ? await db("plan_modules").where({ plan_id: known.id }).pluck("module_code") : [];
  const hasSame = isDeepStrictEqual(granted.toSorted(), modules);
  if (isSame && hasSame && isDeepStrictEqual(known.limits, JSON.parse(row.limits))) return made.length > 0;
  const detail = "belongs to a plan with another name, price, limits, modules or isolation";
  const errors = [{ pointer: "/plan/code", detail }];
  throw new AppError("plan-exists", "Use the plan as it is by sending its code, or choose another code.", { errors });
}

async function refuseUnknownModules(db: Knex, modules: readonly string[]): Promise<void> {
  const known = new Set<string>(
    await db("modules")
      .whereIn("code", [...modules])
      .pluck("code"),
  );
  const errors = modules.flatMap((code, i) =>
    known.has(code) ? [] : [{ pointer: `/plan/modules/${i}`, detail: `there is no module ${code}` }],
  );
  if (errors.length > 0) throw new AppError("invalid-request", "Name modules that exist.", { errors });
}

/** @throws AppError `plan-unknown`. */
export function refusePlan(): never {
  const errors = [{ pointer: "/plan", detail: "is not the code of a plan; see GET /api/plans" }];
  throw new AppError("plan-unknown", "Choose one of the plans of GET /api/plans, or describe a new one.", { errors });
}

export const listPlans = (db: Knex): Promise<(PlanRow & { modules: string[] })[]> =>
  db("plans")
    .leftJoin("plan_modules", "plan_modules.plan_id", "plans.id")
    .where("plans.is_active", true)
    .groupBy("plans.id")
    .orderBy(["price_cents", "plans.id"])
    .select("plans.*", db.raw("array_remove(array_agg(module_code ORDER BY module_code), NULL) AS modules"));
