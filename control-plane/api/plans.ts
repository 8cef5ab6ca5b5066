import { z } from "zod";
import { listPlans } from "../tenants/plans.ts";
import { defineRoute, type Route } from "./route.ts";

const planSchema = z.object({
  code: z.string(),
  name: z.string(),
  priceCents: z.int(),
  limits: z.record(z.string(), z.number()),
  isolation: z.enum(["pooled", "dedicated"]),
  modules: z.array(z.string()),
});

const plansSchema = z.object({ plans: z.array(planSchema) });

export type PlanList = z.output<typeof plansSchema>;

export const planRoutes: readonly Route[] = [
  defineRoute({
    method: "get",
    path: "/api/plans",
    tag: "plans",
    summary: "List plans with their limits and modules",
    auth: "user",
    answers: { 200: { description: "All plans that can be chosen", schema: plansSchema } },
    async handle(ctx, { res }) {
      const plans = await listPlans(ctx.db);
      res.json({
        plans: plans.map(({ code, name, price_cents, limits, isolation, modules }) => ({
          code,
          name,
          priceCents: price_cents,
          limits,
          isolation,
          modules,
        })),
      });
    },
  }),
];
