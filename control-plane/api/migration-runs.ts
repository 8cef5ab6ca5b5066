/** Migrations of the whole fleet, as runs: planned, started, watched, stopped. */
import { z } from "zod";
import { refuseBelow } from "../accounts/authenticate.ts";
import { refuseOpenRun } from "../fleet/open-run.ts";
import { planRun, startRun } from "../fleet/plan-run.ts";
import { planSql } from "../fleet/plan-sql.ts";
import { runOptionsSchema } from "../fleet/run-options.ts";
import { getRun, getRunView } from "../fleet/get-run.ts";
import { presentResult, presentRun, presentRunSummary } from "../fleet/present-run.ts";
import { planSchema, resultSchema, resultStatuses, runSchema, runSummarySchema } from "../fleet/run-schemas.ts";
import { listResults, listRuns } from "../fleet/run-store.ts";
import { slugsOf } from "../fleet/slugs-of.ts";
import { defineRoute, type Route } from "./route.ts";
import { runChangeRoutes, runReference } from "./run-changes.ts";
import { streamRun } from "./run-stream.ts";

const startSchema = runOptionsSchema.extend({
  dryRun: z.boolean().default(false).describe("Only say what would be done; operators may ask for it too"),
});
const runsQuery = z.strictObject({ limit: z.coerce.number().int().min(1).max(200).default(50) });
const resultsQuery = z.strictObject({
  status: resultStatuses.optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  after: z.coerce.number().int().min(0).default(0).describe("`nextAfter` of the page before"),
});

const runsSchema = z.object({ runs: z.array(runSummarySchema) });
const resultsSchema = z.object({ tenants: z.array(resultSchema), nextAfter: z.int().nullable() });

export type RunList = z.output<typeof runsSchema>;
export type RunResultPage = z.output<typeof resultsSchema>;

export const runRoutes: readonly Route[] = [
  defineRoute({
    method: "post",
    path: "/api/migration-runs",
    tag: "migrations",
    summary: "Bring every tenant's schema to a version, wave by wave; admins only",
    auth: "user",
    body: z.preprocess((body) => body ?? {}, startSchema),
    answers: {
      200: { description: "What the run would do (`dryRun`)", schema: planSchema },
      201: { description: "The run; a control plane is at it within seconds", schema: runSchema },
    },
    async handle(ctx, { body: { dryRun, ...options }, res, actor }) {
      if (dryRun) {
        const plan = await planRun(ctx, options);
        res.json({ ...plan, sql: await planSql(plan) });
        return;
      }
      refuseBelow(actor, "admin");
      await refuseOpenRun(ctx.db);
      const id = await startRun(ctx, options, `user:${actor.userId}`);
      res
        .status(201)
        .location(`/api/migration-runs/${id}`)
        .json(presentRun(await getRunView(ctx.db, id)));
    },
  }),
  defineRoute({
    method: "get",
    path: "/api/migration-runs",
    tag: "migrations",
    summary: "List migration runs, newest first",
    auth: "user",
    query: runsQuery,
    answers: { 200: { description: "The newest runs", schema: runsSchema } },
    async handle(ctx, { query, res }) {
      res.json({ runs: (await listRuns(ctx.db, query.limit)).map(presentRunSummary) });
    },
  }),
  defineRoute({
    method: "get",
    path: "/api/migration-runs/:id",
    tag: "migrations",
    summary: "Show a run with its waves",
    auth: "user",
    params: runReference,
    answers: { 200: { description: "The run", schema: runSchema } },
    async handle(ctx, { params, res }) {
      res.json(presentRun(await getRunView(ctx.db, params.id)));
    },
  }),
  defineRoute({
    method: "get",
    path: "/api/migration-runs/:id/tenants",
    tag: "migrations",
    summary: "List the tenants of a run by id, with what went wrong",
    auth: "user",
    params: runReference,
    query: resultsQuery,
    answers: { 200: { description: "A page", schema: resultsSchema } },
    async handle(ctx, { params, query: { status, limit, after }, res }) {
      await getRun(ctx.db, params.id);
      const filter = { after, limit: limit + 1, ...(status === undefined ? {} : { status }) };
      const rows = await listResults(ctx.db, params.id, filter);
      const page = rows.slice(0, limit);
      const slugs = await slugsOf(
        ctx.db,
        page.map(({ tenant_id: id }) => id),
      );
      const nextAfter = rows.length > page.length ? (page.at(-1)?.tenant_id ?? null) : null;
      res.json({ tenants: page.map((row) => presentResult(row, slugs)), nextAfter });
    },
  }),
  defineRoute({
    method: "get",
    path: "/api/migration-runs/:id/events",
    tag: "migrations",
    summary: "Follow a run as server-sent events",
    auth: "user",
    params: runReference,
    headers: { "Last-Event-ID": "Sends nothing that came with this event" },
    answers: {
      200: { description: "`run` whenever something changed, `ended` at the end", type: "text/event-stream" },
      204: { description: "The run has ended and the end was sent: do not connect again" },
    },
    async handle(ctx, { params, req, res }) {
      await getRun(ctx.db, params.id);
      await streamRun(ctx, params.id, { req, res });
    },
  }),
  ...runChangeRoutes,
];
