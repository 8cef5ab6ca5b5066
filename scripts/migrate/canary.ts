import { listCanaries, tagCanary } from "../../control-plane/fleet/tag-canary.ts";
import type { FleetContext } from "../../control-plane/fleet/fleet-context.ts";
import { commandActor } from "../tenant/command.ts";
import { exitCodes, refuseMore, requireRegistry, say, withFleet, type Command } from "./command.ts";
import { getCompany } from "./find-company.ts";
import { readWords } from "./start-run.ts";

export const canaryCommand: Command = {
  usage: "canary [<id|uuid|slug>] [--remove]",
  about: "tag a company as a canary: runs take it first; without one, list them",
  details: "\n  --remove  it is none any more",
  read(args) {
    const { values, positionals } = readWords(args, { remove: { type: "boolean", default: false } });
    refuseMore(positionals, 1);
    const [reference] = positionals;
    return () =>
      withFleet(async (ctx) => {
        await requireRegistry(ctx);
        if (reference === undefined) return list(ctx);
        const { id: tenantId, label } = await getCompany(ctx.db, reference);
        const changed = await tagCanary(ctx.db, { tenantId, isCanary: !values.remove, actor: commandActor() });
        const state = values.remove ? "is no canary" : "is a canary";
        say(changed ? `${label} ${state} from now on` : `${label}: nothing to do`);
        return exitCodes.done;
      });
  },
};

async function list({ db }: FleetContext): Promise<number> {
  const canaries = await listCanaries(db);
  if (canaries.length === 0) say("no company is a canary; schemas made ahead are, where there are any");
  for (const { tenantId, slug } of canaries) say(`tenant_${tenantId} (${slug ?? "made ahead"})`);
  return exitCodes.done;
}
