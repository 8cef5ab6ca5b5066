import { z } from "zod";
import { deletionManifestSchema } from "../lifecycle/endings/deletion-manifest.ts";
import { getCompany } from "../tenants/changes/change-tenant.ts";
import { getDeletionRecord } from "../tenants/changes/deletion-record.ts";
import { defineRoute, type Route } from "./route.ts";
import { tenantReference } from "./tenant-changes.ts";

const answer = z.object({
  manifest: deletionManifestSchema,
  jws: z.string().describe("The same, signed (RFC 7515, ES256); `npm run tenant -- verify-manifest` checks it"),
});

export type DeletionRecord = z.output<typeof answer>;

export const deletionRoutes: readonly Route[] = [
  defineRoute({
    method: "get",
    path: "/api/tenants/:id/deletion-manifest",
    tag: "tenants",
    summary: "What was removed of a deleted company, and when",
    auth: "user",
    params: tenantReference,
    answers: { 200: { description: "The manifest, once everything is gone", schema: answer } },
    async handle(ctx, { params, res }) {
      res.json(await getDeletionRecord(ctx.db, await getCompany(ctx.db, params.id)));
    },
  }),
];
