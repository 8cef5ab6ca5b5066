/** Health as probes and people ask for it. Each answer really asks the servers behind. */
import type { Request, Response, Router } from "express";
import { messageOf } from "../../core/errors.ts";
import { withoutUrls } from "../../core/logger.ts";
import type { ControlContext } from "../context.ts";

interface Check {
  readonly ok: boolean;
  readonly latencyMs: number;
  readonly error?: string;
}

/**
 * `/healthz`: the process answers. `/readyz`: it can do its work, which needs PostgreSQL; without Redis companies are
 * still created and the rest follows. `/health`: everything, 503 when anything is missing.
 */
export function mountHealth(router: Router, ctx: ControlContext): void {
  const database = () => timed(() => ctx.db.raw("SELECT 1"));
  const redis = () => timed(() => ctx.redis.ping());
  router.get("/healthz", (_req: Request, res: Response) => void res.json({ status: "ok" }));
  router.get("/readyz", async (_req: Request, res: Response) => {
    const check = await database();
    res.status(check.ok ? 200 : 503).json({ status: check.ok ? "ready" : "not-ready", checks: { database: check } });
  });
  router.get("/health", async (_req: Request, res: Response) => {
    const checks = { database: await database(), redis: await redis() };
    const ok = Object.values(checks).every((check) => check.ok);
    res.status(ok ? 200 : 503).json({ status: ok ? "ok" : "degraded", instance: ctx.instance, checks });
  });
}

async function timed(ask: () => PromiseLike<unknown>): Promise<Check> {
  const started = performance.now();
  const latencyMs = () => Math.round((performance.now() - started) * 10) / 10;
  try {
    await ask();
    return { ok: true, latencyMs: latencyMs() };
  } catch (error) {
    return { ok: false, latencyMs: latencyMs(), error: withoutUrls(messageOf(error)) };
  }
}
