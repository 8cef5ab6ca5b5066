import type { FleetContext } from "../../control-plane/fleet/fleet-context.ts";
import { readFleetStatus, type FleetStatus, type RunBrief } from "../../control-plane/fleet/fleet-status.ts";
import { pendingMigrations } from "../../core/migrations/run.ts";
import { nameOf, tenantVersion } from "../../core/migrations/version.ts";
import { exitCodes, refuseMore, say, sayJson, withFleet, type Command } from "./command.ts";
import { readWords } from "./start-run.ts";
import { aimOf } from "./terminal-reporter.ts";

export const statusCommand: Command = {
  usage: "status [--json]",
  about: "versions of public and of all schemas, the open run and the last one; looks at no schema",
  read(args) {
    const { values, positionals } = readWords(args, { json: { type: "boolean", default: false } });
    refuseMore(positionals, 0);
    return () => withFleet((ctx) => showStatus(ctx, values.json));
  },
};

async function showStatus({ db }: FleetContext, json: boolean): Promise<number> {
  const pending = await pendingMigrations(db, "public", "public");
  // A registry that is behind may not have the tables that know the versions.
  const fleet = pending.length > 0 ? undefined : await readFleetStatus(db, await tenantVersion());
  if (json) sayJson({ public: { pending }, fleet: fleet ?? null });
  else {
    say(`public: ${pending.length === 0 ? "up to date" : `pending ${pending.join(", ")}`}`);
    for (const line of fleet === undefined ? [] : fleetLines(fleet)) say(line);
  }
  return fleet === undefined || fleet.behind > 0 ? exitCodes.pending : exitCodes.done;
}

function fleetLines(fleet: FleetStatus): string[] {
  const { versions, firstBehind, behind, openRun, lastRun } = fleet;
  const words = { head: "up to date", behind: "behind", newer: "of a newer release" };
  const rest = behind - firstBehind.length;
  return [
    `schemas: ${fleet.tenants}, of which ${behind} are behind ${fileOf(fleet.head)}`,
    ...versions.map(
      ({ version, tenants, place }) =>
        `  ${String(tenants).padStart(7)}  ${fileOf(version).padEnd(32)} ${words[place]}`,
    ),
    ...firstBehind.map(
      ({ tenantId, slug, version }) => `  tenant_${tenantId} (${slug ?? "made ahead"}): ${fileOf(version)}`,
    ),
    ...(rest > 0 ? [`  … and ${rest} more`] : []),
    ...(openRun === null ? [] : [`open run: ${runLine(openRun)}`]),
    ...(lastRun === null ? [] : [`last run: ${runLine(lastRun)}`]),
  ];
}

/** The file that a version ends with. */
const fileOf = (version: string): string => (version.startsWith("0000 ") ? "not known yet" : nameOf(version));

function runLine({ id, status, requestedBy, createdAt, finishedAt, pauseReason, ...run }: RunBrief): string {
  const why = pauseReason === null ? "" : ` (${pauseReason})`;
  return `${id} ${status}${why}, ${aimOf(run)}, by ${requestedBy}, ${finishedAt ?? `since ${createdAt}`}`;
}
