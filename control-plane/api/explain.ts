import { explanationSchema } from "../tenants/explanation/schema.ts";
import { explainTenant } from "../tenants/explanation/explain-tenant.ts";
import { defineRoute, type Route } from "./route.ts";
import { tenantReference } from "./tenant-changes.ts";

export const explainRoutes: readonly Route[] = [
  defineRoute({
    method: "get",
    path: "/api/tenants/:id/explain",
    tag: "tenants",
    summary:
      "Why a company is as it is: what blocks, what was said last, when it is tried next, what an inspection found",
    auth: "user",
    params: tenantReference,
    answers: { 200: { description: "The explanation", schema: explanationSchema } },
    async handle(ctx, { params, res }) {
      res.json(await explainTenant(ctx, params.id));
    },
  }),
];
