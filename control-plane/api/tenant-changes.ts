/** Changes of what is wanted of a company: each answers 202 with the operation that it started. */
import { z } from "zod";
import { text } from "../../core/validation.ts";
import type { Role } from "../accounts/authenticate.ts";
import type { ControlContext } from "../context.ts";
import type { OperationRow } from "../lifecycle/operation-store.ts";
import { changeSchema, deletionSchema, reasonSchema } from "../tenants/changes/schemas.ts";
import { resumeTenant, retryTenant, suspendTenant, type Change } from "../tenants/changes/change-tenant.ts";
import { deleteTenant, undeleteTenant } from "../tenants/changes/delete-tenant.ts";
import { reconcileTenant } from "../tenants/changes/reconcile-tenant.ts";
import { presentOperation } from "../tenants/present-tenant.ts";
import { defineRoute, type Route } from "./route.ts";

export const tenantReference = z.object({ id: text(1, 64).describe("Id, uuid or slug") });

interface ChangeRoute<B> {
  readonly method: "post" | "delete";
  readonly path: string;
  readonly summary: string;
  readonly role?: Role;
  readonly body: B & z.ZodType;
  readonly change: (ctx: ControlContext, change: Change & z.output<B & z.ZodType>) => Promise<OperationRow>;
}

function changeRoute<B extends z.ZodType>(route: ChangeRoute<B>): Route {
  return defineRoute({
    ...route,
    tag: "tenants",
    auth: "user",
    params: tenantReference,
    answers: { 202: { description: "The operation that was started", schema: changeSchema } },
    async handle(ctx, { params, body, req, res, actor }) {
      const change = { reference: params.id, actor, correlationId: req.correlationId, ...(body as object) };
      const operation = await route.change(ctx, change as Change & z.output<B>);
      res
        .status(202)
        .location(`/api/operations/${operation.id}`)
        .json({ operation: await presentOperation(ctx.db, operation) });
    },
  });
}

export const changeRoutes: readonly Route[] = [
  changeRoute({
    method: "post",
    path: "/api/tenants/:id/retry",
    summary: "Try at once whatever is not ready",
    body: reasonSchema,
    change: retryTenant,
  }),
  changeRoute({
    method: "post",
    path: "/api/tenants/:id/reconcile",
    summary: "Look at everything the company owns now, and heal what can be healed safely",
    body: reasonSchema,
    change: reconcileTenant,
  }),
  changeRoute({
    method: "post",
    path: "/api/tenants/:id/suspend",
    summary: "Hosts answer 403, jobs wait, nobody works for the company; its data stays",
    body: reasonSchema,
    change: suspendTenant,
  }),
  changeRoute({
    method: "post",
    path: "/api/tenants/:id/resume",
    summary: "Bring a suspended company back",
    body: reasonSchema,
    change: resumeTenant,
  }),
  changeRoute({
    method: "delete",
    path: "/api/tenants/:id",
    summary: "Close a company at once; everything it owns is exported and removed when its grace period is over",
    role: "admin",
    body: deletionSchema,
    change: deleteTenant,
  }),
  changeRoute({
    method: "post",
    path: "/api/tenants/:id/undelete",
    summary: "Bring a deleted company back while it is still kept",
    role: "admin",
    body: reasonSchema,
    change: undeleteTenant,
  }),
];
