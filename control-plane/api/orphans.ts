import { z } from "zod";
import { findOrphans, isClean } from "../lifecycle/upkeep/orphans.ts";
import { defineRoute, type Route } from "./route.ts";

const names = z.array(z.string());
const ids = z.array(z.int());

const orphansSchema = z.object({
  clean: z.boolean(),
  schemas: names.describe("Named like a tenant's, without a company"),
  roles: names,
  namespaces: names.describe("Redis namespaces that hold keys, without a company"),
  redisUsers: names,
  hosts: names.describe("Still answering for companies that are deleted"),
  certificates: ids.describe("Kept for companies that are deleted"),
  withoutSchema: ids.describe("Companies whose schema should be there and is not"),
  withoutRole: ids,
  withoutRedisUser: ids,
  withoutNamespace: ids.describe("Companies whose Redis namespace holds no key at all"),
});

export type OrphanReport = z.output<typeof orphansSchema>;

export const orphanRoutes: readonly Route[] = [
  defineRoute({
    method: "get",
    path: "/api/orphans",
    tag: "operations",
    summary: "What belongs to no company, and which company lacks what is its own",
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
