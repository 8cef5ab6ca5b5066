/** Health and metrics: for this machine only, asked by its own name. A tenant's host never shows them. */
import { Router, type Request, type RequestHandler, type Response } from "express";
import { serveMetrics, type Metrics } from "../../core/metrics.ts";
import type { RuntimeContext } from "../context.ts";
import { checkHealth } from "../check-health.ts";
import { isFromLoopback } from "../resolution/host-name.ts";

/** `/healthz`: the process answers. `/readyz`: PostgreSQL and Redis answer, 503 otherwise. */
export function loopbackRoutes(ctx: RuntimeContext, metrics: Metrics): RequestHandler {
  const router = Router();
  router.get("/metrics", serveMetrics(metrics));
  router.get("/healthz", (_req: Request, res: Response) => void res.json({ status: "ok" }));
  router.get("/readyz", async (_req: Request, res: Response) => {
    const { ok, ...checks } = await checkHealth(ctx);
    const { level, failed } = ctx.isolation;
    const isolation = { level, failed: failed.map(({ name }) => name) };
    res.status(ok ? 200 : 503).json({ status: ok ? "ready" : "not-ready", checks, isolation });
  });
  // Before the router and not in it: every request of a tenant comes by here.
  return (req, res, next) => (isFromLoopback(req) ? router(req, res, next) : next());
}
