/** What people do to a run; each answers with the run as it is then. */
import { z } from "zod";
import type { Role } from "../accounts/authenticate.ts";
import type { ControlContext } from "../context.ts";
import { abortRun, pauseRun, resumeRun, retryFailed } from "../fleet/change-run.ts";
import { getRunView } from "../fleet/get-run.ts";
import { presentRun } from "../fleet/present-run.ts";
import { runSchema } from "../fleet/run-schemas.ts";
import { defineRoute, type Route } from "./route.ts";

export const runReference = z.object({ id: z.uuid("must be a run's id") });

interface RunChange {
  readonly verb: string;
  readonly summary: string;
  readonly role?: Role;
  readonly change: (ctx: ControlContext, id: string, actor: string) => Promise<unknown>;
}

const changeRoute = ({ verb, summary, role, change }: RunChange): Route =>
  defineRoute({
    method: "post",
    path: `/api/migration-runs/:id/${verb}`,
    tag: "migrations",
    summary,
    auth: "user",
    ...(role === undefined ? {} : { role }),
    params: runReference,
    answers: { 200: { description: "The run", schema: runSchema } },
    async handle(ctx, { params, res, actor }) {
      await change(ctx, params.id, `user:${actor.userId}`);
      res.json(presentRun(await getRunView(ctx.db, params.id)));
    },
  });

export const runChangeRoutes: readonly Route[] = [
  changeRoute({ verb: "pause", summary: "Begin no more tenants; those begun are finished", change: pauseRun }),
  changeRoute({ verb: "resume", summary: "Go on with a paused run; what failed stays so", change: resumeRun }),
  changeRoute({
    verb: "retry",
    summary: "Try what failed once more, and what an aborted run left; nothing else is touched",
    change: retryFailed,
  }),
  changeRoute({
    verb: "abort",
    summary: "End the run where it is; tenants that are done stay so",
    role: "admin",
    change: abortRun,
  }),
];
