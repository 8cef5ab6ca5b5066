import type { Express } from "express";
import { Router } from "express";
import { answerErrors, correlate, createApp, notFound } from "../core/http.ts";
import { createMetrics, measureRequests } from "../core/metrics.ts";
import { answerProblem } from "./answer-problem.ts";
import { measureIsolation } from "../core/isolation/isolation-metrics.ts";
import type { RuntimeContext } from "./context.ts";
import { loopbackRoutes } from "./edge/loopback.ts";
import { gatewayRoutes, publicKeyRoute } from "./gateway/routes.ts";
import { accessRoutes, linkRoutes } from "./modules/access/routes.ts";
import { sessionRoutes } from "./modules/access/session-routes.ts";
import { chatRoutes } from "./modules/chat/routes.ts";
import { companyRoutes } from "./modules/company/routes.ts";
import { customerRoutes } from "./modules/customers/routes.ts";
import { groupRoutes } from "./modules/people/group-routes.ts";
import { personRoutes } from "./modules/people/person-routes.ts";
import { secureHeaders } from "./edge/secure-headers.ts";
import { guardTenant } from "./guard/tenant-guard.ts";
import { serveTenants } from "./serve-tenants.ts";

/** The table of mounts. What one kind of host serves does not exist on the other. */
export function createRuntimeApp(ctx: RuntimeContext): Express {
  const app = createApp();
  app.set("trust proxy", ctx.config.TRUSTED_PROXIES);
  const metrics = createMetrics("tenant-runtime");
  measureIsolation(metrics.registry, ctx.isolation);
  const guard = guardTenant(ctx);
  const links = linkRoutes(ctx);
  const api = Router().use(
    links,
    accessRoutes(ctx, guard),
    sessionRoutes(guard),
    personRoutes(guard),
    groupRoutes(guard),
    companyRoutes(),
    customerRoutes(guard),
  );
  const hosts = {
    api: Router().use(api, publicKeyRoute(ctx), gatewayRoutes(ctx, guard, api)),
    chat: Router().use(links, chatRoutes(ctx)),
  };

  app.use(correlate, measureRequests(metrics, ctx.answers), secureHeaders());
  app.use(loopbackRoutes(ctx, metrics));
  app.use(serveTenants(ctx, metrics.registry));
  app.use((req, res, next) => hosts[req.tenant.hostKind](req, res, next));
  app.use(notFound);
  app.use(answerErrors(ctx.log, answerProblem));
  return app;
}
