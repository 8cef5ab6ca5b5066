import { Router, type Request, type RequestHandler, type Response } from "express";
import { z } from "zod";
import { jsonBody } from "../../../core/http.ts";
import type { RuntimeContext } from "../../context.ts";
import { slowGuessing } from "../../../core/slow-guessing.ts";
import { parseBody, text, uuidPattern } from "../../../core/validation.ts";
import { impersonate } from "./impersonate.ts";
import { revokeSession, type Client } from "./session-store.ts";
import { refresh, setUpPerson, signIn } from "./sign-in.ts";

/** Not trimmed: blanks are part of a password. */
const password = (min: number) =>
  z.string().min(min, `needs at least ${min} characters`).max(200, "takes at most 200 characters");

const loginBody = z.strictObject({ email: text(3, 254), password: password(1) });
const visitBody = z.strictObject({ token: text(1, 200) });
const setupBody = z.strictObject({ token: text(1, 200), password: password(10) });
const refreshBody = z.strictObject({
  refreshToken: z
    .string()
    .max(200)
    .refine((token) => uuidPattern.test(token.slice(0, 36)), "is not a refresh token"),
});

/** `POST /v1/auth/login`, `/refresh`, `/logout` and `GET /v1/me`. */
export function accessRoutes(ctx: RuntimeContext, guard: RequestHandler): Router {
  const router = Router();
  const slowly = slowGuessing(companyOf);

  router.post("/v1/auth/login", slowly, jsonBody, async (req: Request, res: Response) => {
    res.json(await signIn(ctx, req.tenant, { ...parseBody(loginBody, req.body), client: clientOf(req) }));
  });

  router.post("/v1/auth/refresh", slowly, jsonBody, async (req: Request, res: Response) => {
    res.json(await refresh(ctx, req.tenant, parseBody(refreshBody, req.body).refreshToken));
  });

  router.post("/v1/auth/logout", guard, async (req, res) => {
    await revokeSession(req.tenant.db, req.user.sessionId);
    res.status(204).end();
  });

  router.get("/v1/me", guard, (req, res) => {
    const { sessionId: _, impersonatedBy, ...user } = req.user;
    const { id, uuid, slug, name, plan } = req.tenant;
    res.json({ user, tenant: { id, uuid, slug, name, plan }, ...(impersonatedBy ? { impersonatedBy } : {}) });
  });
  return router;
}

/** `POST /v1/auth/setup` and `/impersonate`: on the api host, and on the chat host for the pages there. */
export function linkRoutes(ctx: RuntimeContext): Router {
  const router = Router();
  const slowly = slowGuessing(companyOf);

  router.post("/v1/auth/setup", slowly, jsonBody, async (req: Request, res: Response) => {
    res.json(await setUpPerson(ctx, req.tenant, { ...parseBody(setupBody, req.body), client: clientOf(req) }));
  });

  router.post("/v1/auth/impersonate", slowly, jsonBody, async (req: Request, res: Response) => {
    res.json(await impersonate(ctx, req.tenant, { ...parseBody(visitBody, req.body), client: clientOf(req) }));
  });
  return router;
}

/** One company's guesses do not lock out another's people behind the same address. */
const companyOf = (req: Request): string => String(req.tenant.id);

const clientOf = (req: Request): Client => ({ ip: req.ip, userAgent: req.get("user-agent") });
