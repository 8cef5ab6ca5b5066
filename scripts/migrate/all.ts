/** `all` and `rollback`: runs over the fleet. */
import { retryFailed } from "../../control-plane/fleet/change-run.ts";
import type { FleetContext } from "../../control-plane/fleet/fleet-context.ts";
import { findOpenRun, listRuns } from "../../control-plane/fleet/run-store.ts";
import { migratePublic, pendingMigrations } from "../../core/migrations/run.ts";
import { AppError } from "../../core/errors.ts";
import { commandActor } from "../tenant/command.ts";
import { refuseMore, requireRegistry, say, sayJson, UsageError, withFleet, type Command } from "./command.ts";
import { confirm } from "./confirm.ts";
import { getCompany } from "./find-company.ts";
import { followRun } from "./follow-run.ts";
import { readRunOptions, runFlags, runFlagsHelp } from "./run-arguments.ts";
import { readWords, startAndFollow } from "./start-run.ts";

export const allCommand: Command = {
  usage: "all [options]",
  about: "public, then every company and every schema made ahead, wave by wave",
  details: `${runFlagsHelp}
  --retry-failed           only what failed in the last run, and what it left`,
  read(args) {
    const { values, positionals } = readWords(args, { ...runFlags, "retry-failed": { type: "boolean" } });
    refuseMore(positionals, 0);
    const flags = { dryRun: values["dry-run"] === true, json: values.json === true };
    if (values["retry-failed"] === true) return () => withFleet((ctx) => retryLast(ctx, flags));
    const options = readRunOptions(values, { direction: "up" });
    return () =>
      withFleet(async (ctx) => {
        await bringPublic(ctx, flags);
        return startAndFollow(ctx, options, flags);
      });
  },
};

export const rollbackCommand: Command = {
  usage: "rollback <tenant <ref>|all> [options]",
  about: "undo: to a migration, or each schema's last batch",
  details: `
  --yes                    do not ask${runFlagsHelp.replace("absent: the newest", "absent: each undoes its last batch")}`,
  read(args) {
    const { values, positionals } = readWords(args, { ...runFlags, yes: { type: "boolean" } });
    const [scope, reference] = positionals;
    refuseMore(positionals, scope === "tenant" ? 2 : 1);
    if (scope !== "all" && !(scope === "tenant" && reference !== undefined))
      throw new UsageError("say what to undo: rollback all, or rollback tenant <id|uuid|slug>");
    const flags = { dryRun: values["dry-run"] === true, json: values.json === true };
    readRunOptions(values, { direction: "down" });
    return () =>
      withFleet(async (ctx) => {
        await requireRegistry(ctx);
        const company = reference === undefined ? undefined : await getCompany(ctx.db, reference);
        const only = company === undefined ? {} : { tenants: [company.id] };
        const alone = company === undefined ? {} : { "no-canary": true, waves: "100" };
        const ask = (tenants: number) =>
          confirm(
            `${company?.label ?? `${tenants} schemas`} would go back${values.to === undefined ? " by a batch" : ` to ${values.to}`}; what the newer tables and columns hold is lost.`,
          );
        return startAndFollow(ctx, readRunOptions({ ...values, ...alone }, { direction: "down", ...only }), {
          ...flags,
          ...(values.yes === true ? {} : { confirm: ask }),
        });
      });
  },
};

async function bringPublic(ctx: FleetContext, { dryRun, json }: { dryRun: boolean; json: boolean }): Promise<void> {
  if (dryRun) {
    const names = await pendingMigrations(ctx.db, "public", "public");
    if (names.length > 0)
      throw new Error(`public lacks ${names.join(", ")}: bring it first, npm run migrate -- public`);
    return;
  }
  const { names } = await migratePublic(ctx.databaseUrl);
  if (json || !process.stdout.isTTY) sayJson({ event: "public", applied: names });
  else say(names.length === 0 ? "public: nothing to do" : `public: applied ${names.join(", ")}`);
}

async function retryLast(ctx: FleetContext, { json }: { json: boolean }): Promise<number> {
  await requireRegistry(ctx);
  const last = (await findOpenRun(ctx.db)) ?? (await listRuns(ctx.db, 1))[0];
  if (last === undefined) throw new AppError("run-not-found", "there is no run to try again");
  await retryFailed(ctx, last.id, commandActor());
  return followRun(ctx, last.id, { json });
}
