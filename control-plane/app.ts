import type { Express } from "express";
import { rateLimit } from "express-rate-limit";
import helmet from "helmet";
import { AppError } from "../core/errors.ts";
import { answerErrors, correlate, createApp, notFound } from "../core/http.ts";
import { createMetrics, measureRequests, serveMetrics } from "../core/metrics.ts";
import { authRoutes } from "./api/auth.ts";
import { mountDocs } from "./api/docs.ts";
import { mountHealth } from "./api/health.ts";
import { operationRoutes } from "./api/operations.ts";
import { planRoutes } from "./api/plans.ts";
import { mountRoutes } from "./api/route.ts";
import { tenantRoutes } from "./api/tenants.ts";
import type { ControlContext } from "./context.ts";
import { mountPanel } from "./panel/mount.ts";
import { exposeWorkerGauge } from "./worker-gauge.ts";

/** The table of mounts. */
export function createControlPlaneApp(ctx: ControlContext): Express {
  const app = createApp();
  const metrics = createMetrics("control-plane");
  exposeWorkerGauge(metrics.registry, ctx);
  const routes = [...authRoutes, ...tenantRoutes, ...operationRoutes, ...planRoutes];

  app.use(correlate, measureRequests(metrics));
  app.get("/metrics", serveMetrics(metrics));
  mountHealth(app, ctx);
  app.use(secureHeaders());
  app.use("/api/auth", slowGuessing());
  mountDocs(app, ctx, routes);
  mountRoutes(app, ctx, routes);
  mountPanel(app, ctx);
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

/** Refused sign-ins of one address: 30 in five minutes. Good ones do not count. */
function slowGuessing() {
  return rateLimit({
    windowMs: 5 * 60_000,
    limit: 30,
    skipSuccessfulRequests: true,
    standardHeaders: "draft-8",
    legacyHeaders: false,
    handler: () => {
      throw new AppError("too-many-requests", "Wait five minutes before you try again.", { retryAfterSeconds: 300 });
    },
  });
}
