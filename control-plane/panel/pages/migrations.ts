/** Migrações: which versions the schemas have, and the runs that changed them. */
import { nameOf, tenantVersion } from "../../../core/migrations/version.ts";
import { hasRole } from "../../accounts/authenticate.ts";
import { readFleetStatus } from "../../fleet/fleet-status.ts";
import { presentRunSummary } from "../../fleet/present-run.ts";
import { listRuns } from "../../fleet/run-store.ts";
import { nameOfActor } from "../../tenants/last-act.ts";
import { localeOf, show, type PanelContext, type PersonsVisit } from "../panel-context.ts";
import { presentSummary } from "../present-run.ts";

const shown = 50;

export async function showMigrations(ctx: PanelContext, visit: PersonsVisit): Promise<void> {
  const locale = localeOf(ctx, visit);
  const [fleet, runs] = await Promise.all([
    tenantVersion().then((head) => readFleetStatus(ctx.db, head)),
    listRuns(ctx.db, shown),
  ]);
  const actors = [...new Set(runs.map((run) => run.requested_by))];
  const names = new Map(await Promise.all(actors.map(async (by) => [by, await nameOfActor(ctx.db, by)] as const)));
  const model = {
    versions: fleet.versions.toReversed().map(({ version, tenants, place }) => ({
      place,
      file: nameOf(version),
      isUnknown: version.startsWith("0000 "),
      count: locale.count(tenants),
      placeText: locale.text(`runs.place.${place}`),
    })),
    standing:
      fleet.behind > 0
        ? locale.text("runs.behind", { count: locale.count(fleet.behind) })
        : locale.text("runs.upToDate"),
    openRun: fleet.openRun && `/migrations/${fleet.openRun.id}`,
    mayPlan: hasRole(visit.actor, "operator") && fleet.openRun === null,
    runs: runs.map((run) => ({
      run: presentRunSummary(run),
      words: presentSummary(locale, run),
      requestedBy: names.get(run.requested_by),
    })),
  };
  show(ctx, visit, { view: "migrations", title: locale.text("runs.title"), model });
}
