import { z } from "zod";
import { getOperation } from "../lifecycle/operation-store.ts";
import { presentOperation } from "../tenants/present-tenant.ts";
import { operationSchema } from "../tenants/tenant-schemas.ts";
import { streamEvents } from "./event-stream.ts";
import { defineRoute, type Route } from "./route.ts";

const reference = z.object({ id: z.uuid("must be an operation's id") });

export const operationRoutes: readonly Route[] = [
  defineRoute({
    method: "get",
    path: "/api/operations/:id",
    tag: "operations",
    summary: "Show an operation and its steps",
    auth: "user",
    params: reference,
    answers: { 200: { description: "The operation", schema: operationSchema } },
    async handle(ctx, { params, res }) {
      res.json(await presentOperation(ctx.db, await getOperation(ctx.db, params.id)));
    },
  }),
  defineRoute({
    method: "get",
    path: "/api/operations/:id/events",
    tag: "operations",
    summary: "Follow an operation as server-sent events",
    auth: "user",
    params: reference,
    headers: { "Last-Event-ID": "Replays what came after this event" },
    answers: {
      200: { description: "Events until the operation ends", type: "text/event-stream" },
      204: { description: "The operation has ended and everything was sent: do not connect again" },
    },
    async handle(ctx, { params, req, res }) {
      await streamEvents(ctx, await getOperation(ctx.db, params.id), { req, res });
    },
  }),
];
