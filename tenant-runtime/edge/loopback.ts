/** Health and metrics: for this machine only, asked by its own name. A tenant's host never shows them. */
import { Router, type Request, type Response } from "express";
import { messageOf } from "../../core/errors.ts";
import { withoutUrls } from "../../core/logger.ts";
import { serveMetrics, type Metrics } from "../../core/metrics.ts";
import type { RuntimeContext } from "../context.ts";
import { isFromLoopback } from "../resolution/host-name.ts";

interface Check {
  readonly ok: boolean;
  readonly error?: string;
}

/** `/healthz`: the process answers. `/readyz`: PostgreSQL and Redis answer, 503 otherwise. */
export function loopbackRoutes(ctx: RuntimeContext, metrics: Metrics): Router {
  const router = Router();
  router.use((req, _res, next) => (isFromLoopback(req) ? next() : next("router")));
  router.get("/metrics", serveMetrics(metrics));
  router.get("/healthz", (_req: Request, res: Response) => void res.json({ status: "ok" }));
  router.get("/readyz", async (_req: Request, res: Response) => {
    const [database, redis] = await Promise.all([
      check(() => ctx.registry.raw("SELECT 1")),
      check(() => ctx.redis.ping()),
    ]);
    const ready = database.ok && redis.ok;
    const checks = { database, redis, registryChanges: { ok: ctx.listener.isListening() } };
    const { level, failed } = ctx.isolation;
    const isolation = { level, failed: failed.map(({ name }) => name) };
    res.status(ready ? 200 : 503).json({ status: ready ? "ready" : "not-ready", checks, isolation });
  });
  return router;
}

async function check(ask: () => PromiseLike<unknown>): Promise<Check> {
  try {
    await ask();
    return { ok: true };
  } catch (error) {
    return { ok: false, error: withoutUrls(messageOf(error)) };
  }
}
