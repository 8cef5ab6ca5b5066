import { z } from "zod";
import { text } from "../../core/validation.ts";
import { listAudit } from "../audit-log.ts";
import { getCompany } from "../tenants/changes/change-tenant.ts";
import { defineRoute, type Route } from "./route.ts";

const listQuery = z.strictObject({
  tenant: text(0, 64).optional().describe("Id, uuid or slug of a company"),
  actor: text(0, 200).optional().describe("Who acted, e.g. `user:1`"),
  action: text(0, 200).optional().describe("What was done, e.g. `tenant.requested`"),
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().max(200).optional().describe("`nextCursor` of the page before"),
});

const entrySchema = z.object({
  id: z.number().int(),
  actor: z.string(),
  action: z.string(),
  tenantId: z.number().int().nullable(),
  correlationId: z.string().nullable(),
  data: z.record(z.string(), z.unknown()),
  at: z.iso.datetime(),
  hash: z.string().describe("SHA-256 over the row and the hash of the row before"),
});

const pageSchema = z.object({ entries: z.array(entrySchema), nextCursor: z.string().nullable() });

export type AuditPage = z.output<typeof pageSchema>;

export const auditRoutes: readonly Route[] = [
  defineRoute({
    method: "get",
    path: "/api/audit",
    tag: "audit",
    summary: "List what was done by whom, newest first",
    auth: "user",
    role: "admin",
    query: listQuery,
    answers: { 200: { description: "A page", schema: pageSchema } },
    async handle(ctx, { query: { tenant, ...query }, res }) {
      const companyId = tenant ? (await getCompany(ctx.db, tenant)).id : undefined;
      res.json(await listAudit(ctx, { ...query, companyId }));
    },
  }),
];
