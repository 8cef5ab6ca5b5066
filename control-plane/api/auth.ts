import type { Request } from "express";
import { z } from "zod";
import { text } from "../../core/validation.ts";
import { refresh, signIn } from "../accounts/sign-in.ts";
import { revokeSession, type Client } from "../accounts/session-store.ts";
import { createFirstAdmin } from "../accounts/first-admin.ts";
import { defineRoute, type Route } from "./route.ts";

const email = text(1, 254);
export const newPassword = z.string().min(10, "must have at least 10 characters").max(200);

const signedInSchema = z.object({
  accessToken: z.string(),
  refreshToken: z.string(),
  expiresIn: z.int().describe("Seconds"),
  user: z.object({ id: z.int(), email: z.string(), name: z.string(), role: z.string() }),
});

export type SignedIn = z.output<typeof signedInSchema>;

export const adminSchema = z.strictObject({
  token: z.string().min(20).max(100),
  email: z.email("must be an e-mail address").max(254),
  name: text(1, 120),
  password: newPassword,
});

export const authRoutes: readonly Route[] = [
  defineRoute({
    method: "post",
    path: "/api/auth/login",
    tag: "auth",
    summary: "Sign in with e-mail and password",
    auth: "none",
    body: z.strictObject({ email, password: z.string().max(200) }),
    answers: { 200: { description: "Signed in", schema: signedInSchema } },
    async handle(ctx, { body, req, res }) {
      res.set("Cache-Control", "no-store").json(await signIn(ctx, body, clientOf(req)));
    },
  }),
  defineRoute({
    method: "post",
    path: "/api/auth/refresh",
    tag: "auth",
    summary: "Swap a refresh token for fresh tokens; each is good once",
    auth: "none",
    body: z.strictObject({ refreshToken: z.string().max(200) }),
    answers: { 200: { description: "Signed in", schema: signedInSchema } },
    async handle(ctx, { body, res }) {
      res.set("Cache-Control", "no-store").json(await refresh(ctx, body.refreshToken));
    },
  }),
  defineRoute({
    method: "post",
    path: "/api/auth/logout",
    tag: "auth",
    summary: "End this session",
    auth: "user",
    role: "viewer",
    answers: { 204: { description: "Signed out; the access token ends with the session" } },
    async handle(ctx, { actor, res }) {
      await revokeSession(ctx.db, { id: actor.sessionId }, "session.ended");
      res.status(204).end();
    },
  }),
  defineRoute({
    method: "post",
    path: "/api/auth/setup",
    tag: "auth",
    summary: "Create the first admin with the one-time link's token",
    auth: "none",
    body: adminSchema,
    answers: { 201: { description: "Created and signed in", schema: signedInSchema } },
    async handle(ctx, { body, req, res }) {
      const { token, ...admin } = body;
      await createFirstAdmin(ctx, token, admin);
      res
        .status(201)
        .set("Cache-Control", "no-store")
        .json(await signIn(ctx, admin, clientOf(req)));
    },
  }),
];

export const clientOf = (req: Request): Client => ({ ip: req.ip, userAgent: req.get("user-agent") });
