import { z } from "zod";
import { impersonationSchema } from "../tenants/changes/schemas.ts";
import { grantImpersonation } from "../tenants/changes/impersonate.ts";
import { defineRoute, type Route } from "./route.ts";
import { tenantReference } from "./tenant-changes.ts";

const grantedSchema = z.object({
  url: z.string().describe("Opens the company for a quarter of an hour, once"),
  expiresAt: z.iso.datetime().describe("Until when it has to be opened"),
});

export type ImpersonationGrant = z.output<typeof grantedSchema>;

export const impersonationRoutes: readonly Route[] = [
  defineRoute({
    method: "post",
    path: "/api/tenants/:id/impersonate",
    tag: "tenants",
    summary: "Look into a company as its owner would, for a reason that the company is shown",
    auth: "user",
    params: tenantReference,
    body: impersonationSchema,
    answers: { 201: { description: "A way in that works once, within a minute", schema: grantedSchema } },
    async handle(ctx, { params, body, req, res, actor }) {
      const grant = { reference: params.id, reason: body.reason, actor, correlationId: req.correlationId };
      const { url, expiresAt } = await grantImpersonation(ctx, grant);
      res.status(201).set("Cache-Control", "no-store").json({ url, expiresAt: expiresAt.toISOString() });
    },
  }),
];
