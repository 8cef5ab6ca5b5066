/** One migration run; assets/migration.js takes its parts marked `data-live` from here again whenever an event arrives. */
import { AppError } from "../../../core/errors.ts";
import { uuidPattern } from "../../../core/validation.ts";
import { getRunView } from "../../fleet/get-run.ts";
import { presentResult, presentRun } from "../../fleet/present-run.ts";
import type { RunJson } from "../../fleet/run-schemas.ts";
import { findOpenRun, listResults } from "../../fleet/run-store.ts";
import { slugsOf } from "../../fleet/slugs-of.ts";
import { nameOfActor } from "../../tenants/last-act.ts";
import type { Locale } from "../locale.ts";
import { localeOf, referenceOf, show, type PanelContext, type PersonsVisit } from "../panel-context.ts";
import { presentFailedTenant, presentRunPage } from "../present-run.ts";
import { presentRunActs } from "../run-acts.ts";
import { toLine } from "../form.ts";

const failuresOnPage = 50;

export async function showMigration(ctx: PanelContext, visit: PersonsVisit): Promise<void> {
  const locale = localeOf(ctx, visit);
  const run = await getShownRun(ctx, visit);
  const other = run.finishedAt === null ? undefined : await findOpenRun(ctx.db);
  const model = {
    run: presentRunPage(locale, run, await nameOfActor(ctx.db, run.requestedBy)),
    situation: await presentSituation(ctx, locale, run),
    acts: presentRunActs(locale, run, { actor: visit.actor, isAnotherOpen: other !== undefined }),
    failures: await presentFailures(ctx, visit, run),
    events: run.finishedAt === null ? `/api/migration-runs/${run.id}/events` : undefined,
    reloads: run.status === "running",
  };
  show(ctx, visit, { view: "migration", title: model.run.about, model });
}

/** @throws AppError `run-not-found`, also for what is no id. */
export async function getShownRun(ctx: PanelContext, visit: PersonsVisit): Promise<RunJson> {
  const id = referenceOf(visit);
  if (!uuidPattern.test(id)) throw new AppError("run-not-found", "There is no such migration run.");
  return presentRun(await getRunView(ctx.db, id));
}

/** Why nothing goes on, where nothing does. */
async function presentSituation(ctx: PanelContext, locale: Locale, run: RunJson) {
  if (run.status === "running" || run.status === "succeeded") return undefined;
  const actor = /^paused by (.+)$/.exec(run.pauseReason ?? "")?.[1];
  const by = actor === undefined ? undefined : await nameOfActor(ctx.db, actor);
  return {
    status: run.status,
    tone: { paused: "", failed: "danger", aborted: "still" }[run.status],
    title: locale.text(`runs.situation.${run.status}`),
    about: locale.text(`runs.situation.${run.status}.about`),
    by: by && locale.text("runs.pausedBy", { name: by }),
    reason: by === undefined && run.status === "paused" ? run.pauseReason : undefined,
  };
}

async function presentFailures(ctx: PanelContext, { req, ...visit }: PersonsVisit, run: RunJson) {
  if (run.failed === 0) return undefined;
  const locale = localeOf(ctx, { req, ...visit });
  const after = Number(/^\d{1,15}$/.exec(toLine(req.query["after"]))?.[0] ?? 0);
  const rows = await listResults(ctx.db, run.id, { status: "failed", limit: failuresOnPage + 1, after });
  const page = rows.slice(0, failuresOnPage);
  const slugs = await slugsOf(
    ctx.db,
    page.map(({ tenant_id: id }) => id),
  );
  const path = `/migrations/${run.id}`;
  return {
    title: locale.text("runs.failures", { count: locale.count(run.failed) }),
    tenants: page.map((row) => presentFailedTenant(locale, presentResult(row, slugs))),
    first: after > 0 ? `${path}#failures` : undefined,
    next: rows.length > page.length ? `${path}?after=${page.at(-1)?.tenant_id}#failures` : undefined,
  };
}
