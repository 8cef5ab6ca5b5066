import { Router } from "express";
import type { RequestTenant } from "../../request-tenant.ts";

/** `GET /v1/tenant`: what anybody may know about the company that answers here. */
export function companyRoutes(): Router {
  return Router().get("/v1/tenant", (req, res) => void res.json(presentTenant(req.tenant)));
}

function presentTenant({ id, uuid, slug, name, plan, modules, hosts, desiredState }: RequestTenant) {
  return { id, uuid, slug, name, plan, modules, status: desiredState, hosts };
}
