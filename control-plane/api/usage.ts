import { z } from "zod";
import { dateOfDay, utcDay } from "../../core/usage/usage.ts";
import { getCompany } from "../tenants/changes/change-tenant.ts";
import { monthUntil, reportUsage } from "../tenants/usage/report-usage.ts";
import { usageSchema } from "../tenants/usage/schema.ts";
import { defineRoute, type Route } from "./route.ts";
import { tenantReference } from "./tenant-changes.ts";

const mostDays = 400;

const spanQuery = z
  .strictObject({
    from: z.iso.date().optional().describe("First day, UTC; default: 29 days before the last"),
    to: z.iso.date().optional().describe("Last day, UTC; default: today"),
  })
  .transform(({ from, to = dateOfDay(utcDay()) }) => ({ from: from ?? monthUntil(to).from, to }))
  .refine(({ from, to }) => from <= to, { path: ["from"], message: "must not be after 'to'" })
  .refine(({ from, to }) => Date.parse(to) - Date.parse(from) < mostDays * 86_400_000, {
    path: ["from"],
    message: `must lie less than ${mostDays} days before 'to'`,
  });

export const usageRoutes: readonly Route[] = [
  defineRoute({
    method: "get",
    path: "/api/tenants/:id/usage",
    tag: "tenants",
    summary: "What a company used, day by day",
    auth: "user",
    params: tenantReference,
    query: spanQuery,
    answers: { 200: { description: "The company's use", schema: usageSchema } },
    async handle(ctx, { params, query, res }) {
      const { id } = await getCompany(ctx.db, params.id);
      res.json(await reportUsage(ctx, id, query));
    },
  }),
];
