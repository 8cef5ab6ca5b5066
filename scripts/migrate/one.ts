/** `public`, `tenant`, `setup`: what concerns one schema. */
import { planRun } from "../../control-plane/fleet/plan-run.ts";
import { runOptionsSchema } from "../../control-plane/fleet/run-options.ts";
import { bringToHead } from "../../control-plane/fleet/bring-to-head.ts";
import { migratePublic } from "../../core/migrations/run.ts";
import { createSecrets, loadMasterKey } from "../../core/secrets.ts";
import { setUpDatabase } from "../../core/setup.ts";
import {
  exitCodes,
  refuseMore,
  requireRegistry,
  say,
  UsageError,
  withConfig,
  withFleet,
  type Command,
} from "./command.ts";
import { getCompany, requireOwnSchema } from "./find-company.ts";
import { showPlan } from "./show-plan.ts";
import { readWords } from "./start-run.ts";

export const publicCommand: Command = {
  usage: "public",
  about: "bring the registry (schema public) to its newest version",
  read(args) {
    refuseMore(args, 0);
    return () => withConfig(async (url) => report("public", (await migratePublic(url)).names));
  },
};

export const setupCommand: Command = {
  usage: "setup",
  about: "everything from nothing: service roles, public, signing keys",
  read(args) {
    refuseMore(args, 0);
    return () =>
      withConfig(async (url, config) =>
        report("setup", await setUpDatabase(url, createSecrets(loadMasterKey(config)))),
      );
  },
};

export const tenantCommand: Command = {
  usage: "tenant <id|uuid|slug>",
  about: "bring one company's schema to its newest version",
  details: "\n  --dry-run  say what would be done, with the SQL; change nothing\n  --json     of a dry run, as JSON",
  read(args) {
    const flag = { type: "boolean", default: false } as const;
    const { values, positionals } = readWords(args, { "dry-run": flag, json: flag });
    refuseMore(positionals, 1);
    const [reference] = positionals;
    if (reference === undefined) throw new UsageError("name a company by id, uuid or slug");
    return () =>
      withFleet(async (ctx) => {
        await requireRegistry(ctx);
        const company = await getCompany(ctx.db, reference);
        await requireOwnSchema(ctx.db, company);
        if (!values["dry-run"]) return report(company.label, await bringToHead(ctx, company));
        const alone = runOptionsSchema.parse({ tenants: [company.id], canary: false, waves: [100] });
        return showPlan(await planRun(ctx, alone), values);
      });
  },
};

function report(what: string, names: readonly string[]): number {
  say(names.length === 0 ? `${what}: nothing to do` : `${what}: applied ${names.join(", ")}`);
  return exitCodes.done;
}
