/** Buttons of a run's page. A run that moved on meanwhile is simply shown as it is now. */
import { AppError } from "../../../core/errors.ts";
import type { ControlContext } from "../../context.ts";
import { abortRun, pauseRun, resumeRun, retryFailed } from "../../fleet/change-run.ts";
import { localeOf, show, type PanelContext, type PersonsVisit } from "../panel-context.ts";
import { presentRunPage } from "../present-run.ts";
import { runActs, type RunActName } from "../run-acts.ts";
import { getShownRun } from "./migration.ts";

const changes: Readonly<Record<RunActName, (ctx: ControlContext, id: string, actor: string) => Promise<unknown>>> = {
  pause: pauseRun,
  resume: resumeRun,
  retry: retryFailed,
  abort: abortRun,
};

export const changeMigration =
  (act: RunActName) =>
  async (ctx: PanelContext, visit: PersonsVisit): Promise<void> => {
    const { id } = await getShownRun(ctx, visit);
    try {
      await changes[act](ctx, id, `user:${visit.actor.userId}`);
    } catch (error) {
      if (!(error instanceof AppError) || error.status !== 409) throw error;
    }
    visit.res.redirect(303, `/migrations/${id}`);
  };

/** What is left when a run is ended, before somebody ends it. */
export async function showAbort(ctx: PanelContext, visit: PersonsVisit): Promise<void> {
  const locale = localeOf(ctx, visit);
  const run = await getShownRun(ctx, visit);
  if (!runActs.abort.fits(run)) return visit.res.redirect(303, `/migrations/${run.id}`);
  const model = { run: presentRunPage(locale, run, run.requestedBy), left: locale.count(run.waiting) };
  show(ctx, visit, { view: "abort-migration", title: locale.text("runs.abort.title"), model });
}
