import { z } from "zod";
import { findOrphans, isClean } from "../lifecycle/orphans.ts";
import { defineRoute, type Route } from "./route.ts";

const names = z.array(z.string());
const ids = z.array(z.int());

const orphansSchema = z.object({
  clean: z.boolean(),
  schemas: names.describe("Named like a tenant's, without a company"),
  roles: names,
  namespaces: names.describe("Redis namespaces that hold keys, without a company"),
  redisUsers: names,
  withoutSchema: ids.describe("Companies whose schema should be there and is not"),
  certificates: ids.describe("Kept for companies that are deleted"),
});

export const orphanRoutes: readonly Route[] = [
  defineRoute({
    method: "get",
    path: "/api/orphans",
    tag: "operations",
    summary: "What belongs to no company, and which company lacks its schema",
    auth: "user",
    role: "admin",
    answers: {
      200: {
        description: "The report; companies that are being made or removed right now may show",
        schema: orphansSchema,
      },
    },
    async handle(ctx, { res }) {
      const report = await findOrphans(ctx);
      res.json({ clean: isClean(report), ...report });
    },
  }),
];
