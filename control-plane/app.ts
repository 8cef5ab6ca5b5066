import type { Express } from "express";
import helmet from "helmet";
import { answerErrors, correlate, createApp, notFound } from "../core/http.ts";
import { slowGuessing } from "../core/slow-guessing.ts";
import { createMetrics, measureRequests, serveMetrics } from "../core/metrics.ts";
import { auditRoutes } from "./api/audit.ts";
import { authRoutes } from "./api/auth.ts";
import { deletionRoutes } from "./api/deletions.ts";
import { mountDocs } from "./api/docs.ts";
import { explainRoutes } from "./api/explain.ts";
import { mountHealth } from "./api/health.ts";
import { impersonationRoutes } from "./api/impersonation.ts";
import { invitationRoutes } from "./api/invitations.ts";
import { runRoutes } from "./api/migration-runs.ts";
import { operationRoutes } from "./api/operations.ts";
import { orphanRoutes } from "./api/orphans.ts";
import { planRoutes } from "./api/plans.ts";
import { mountRoutes } from "./api/route.ts";
import { tenantRoutes } from "./api/tenants.ts";
import { usageRoutes } from "./api/usage.ts";
import type { ControlContext } from "./context.ts";
import { exposeDriftGauge } from "./lifecycle/inspection/drift-gauge.ts";
import { mountPanel } from "./panel/mount.ts";
import { exposeWarmPool } from "./warm-pool/pool-metrics.ts";
import { exposeWorkerGauge } from "./worker-gauge.ts";

/** The table of mounts. */
export function createControlPlaneApp(ctx: ControlContext): Express {
  const app = createApp();
  const metrics = createMetrics("control-plane");
  exposeWorkerGauge(metrics.registry, ctx);
  metrics.registry.registerMetric(ctx.mails);
  exposeDriftGauge(metrics.registry, ctx);
  exposeWarmPool(metrics.registry, ctx);
  const guessing = slowGuessing();
  const routes = [
    ...authRoutes,
    ...tenantRoutes,
    ...deletionRoutes,
    ...invitationRoutes,
    ...impersonationRoutes,
    ...explainRoutes,
    ...usageRoutes,
    ...operationRoutes,
    ...runRoutes,
    ...planRoutes,
    ...auditRoutes,
    ...orphanRoutes,
  ];

  app.use(correlate, measureRequests(metrics));
  app.get("/metrics", serveMetrics(metrics));
  mountHealth(app, ctx);
  app.use(secureHeaders());
  app.use("/api/auth", guessing);
  mountDocs(app, ctx, routes);
  mountRoutes(app, ctx, routes);
  mountPanel(app, ctx, guessing);
  app.use(notFound);
  app.use(answerErrors(ctx.log));
  return app;
}

/** The panel may stand behind plain HTTP on a private network: nothing here forces HTTPS, the proxy in front does. */
function secureHeaders() {
  const directives = {
    upgradeInsecureRequests: null,
    styleSrc: ["'self'"],
    fontSrc: ["'self'"],
    frameAncestors: ["'none'"],
  };
  return helmet({ strictTransportSecurity: false, contentSecurityPolicy: { directives } });
}
