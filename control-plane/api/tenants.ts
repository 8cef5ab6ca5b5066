import { z } from "zod";
import { AppError } from "../../core/errors.ts";
import { text } from "../../core/validation.ts";
import { getCompany } from "../tenants/changes/change-tenant.ts";
import { readIdempotencyKey } from "../tenants/idempotency.ts";
import { listTenants } from "../tenants/list-tenants.ts";
import { presentTenants } from "../tenants/present-tenant.ts";
import { provisionTenant } from "../tenants/provision-tenant.ts";
import { provisionSchema, provisionedSchema, tenantSchema } from "../tenants/tenant-schemas.ts";
import { changeRoutes, tenantReference } from "./tenant-changes.ts";
import { readPreference } from "./prefer.ts";
import { defineRoute, type Route } from "./route.ts";

const listQuery = z.strictObject({
  search: text(0, 120).optional().describe("Part of name, slug or domain"),
  status: tenantSchema.shape.status.optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().max(200).optional().describe("`nextCursor` of the page before"),
});

const pageSchema = z.object({ tenants: z.array(tenantSchema), nextCursor: z.string().nullable() });

export type TenantPage = z.output<typeof pageSchema>;

export const tenantRoutes: readonly Route[] = [
  defineRoute({
    method: "post",
    path: "/api/tenants/provision",
    tag: "tenants",
    summary: "Create a company with schema, cache, queue, worker, hosts and certificate",
    auth: "user",
    headers: {
      "Idempotency-Key": "Repeat the request safely: the same key and body get the same answer",
      Prefer: "`respond-async` answers at once, `wait=N` waits up to N seconds (at most 60)",
    },
    body: provisionSchema,
    answers: {
      201: { description: "The company can be served", schema: provisionedSchema },
      202: { description: "The company exists; what is missing follows by itself", schema: provisionedSchema },
    },
    async handle(ctx, { body, req, res, actor }) {
      const preference = readPreference(req.get("prefer"));
      const idempotency = readIdempotencyKey(req.get("idempotency-key"), { userId: actor.userId, body: req.body });
      const company = { request: body, actor, correlationId: req.correlationId, idempotency };
      const waitSeconds = preference.waitSeconds ?? ctx.config.PROVISION_WAIT_SECONDS;
      const answer = await provisionTenant(ctx, company, { waitSeconds });
      if (preference.applied !== undefined) res.set("Preference-Applied", preference.applied);
      if (answer.replayed) res.set("Idempotency-Replayed", "true");
      res.status(answer.status).set("Cache-Control", "no-store").location(answer.location).json(answer.body);
    },
  }),
  defineRoute({
    method: "get",
    path: "/api/tenants",
    tag: "tenants",
    summary: "List companies, newest first",
    auth: "user",
    query: listQuery,
    answers: { 200: { description: "A page", schema: pageSchema } },
    async handle(ctx, { query, res }) {
      res.json(await listTenants(ctx, query));
    },
  }),
  defineRoute({
    method: "get",
    path: "/api/tenants/:id",
    tag: "tenants",
    summary: "Show one company",
    auth: "user",
    params: tenantReference,
    answers: { 200: { description: "The company", schema: tenantSchema } },
    async handle(ctx, { params, res }) {
      const [view] = await presentTenants(ctx, [await getCompany(ctx.db, params.id)]);
      if (view === undefined) throw new AppError("tenant-not-found", "The company is gone.");
      res.json(view);
    },
  }),
  ...changeRoutes,
];
