import { parseArgs, type ParseArgsConfig } from "node:util";
import type { FleetContext } from "../../control-plane/fleet/fleet-context.ts";
import { refuseOpenRun } from "../../control-plane/fleet/open-run.ts";
import { planRun, startRun } from "../../control-plane/fleet/plan-run.ts";
import type { RunOptions } from "../../control-plane/fleet/run-options.ts";
import { AppError } from "../../core/errors.ts";
import { commandActor } from "../tenant/command.ts";
import { exitCodes, say, sayJson } from "./command.ts";
import { followRun } from "./follow-run.ts";
import { showPlan } from "./show-plan.ts";

export interface StartFlags {
  readonly dryRun: boolean;
  readonly json: boolean;
  /** Asked before anything is changed; false: leave everything as it is. */
  readonly confirm?: (tenants: number) => Promise<boolean>;
}

/** Starts a run and follows it. Nothing to do is done. */
export async function startAndFollow(ctx: FleetContext, options: RunOptions, flags: StartFlags): Promise<number> {
  const { dryRun, json, confirm } = flags;
  if (dryRun) return showPlan(await planRun(ctx, options), { json });
  await refuseOpenRun(ctx.db);
  if (confirm !== undefined) {
    const { tenants } = await planRun(ctx, options);
    if (tenants > 0 && !(await confirm(tenants))) return exitCodes.failed;
  }
  try {
    return await followRun(ctx, await startRun(ctx, options, commandActor()), { json });
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "nothing-to-do") throw error;
    if (json || !process.stdout.isTTY) sayJson({ event: "ended", status: "nothing-to-do", tenants: 0 });
    else say("nothing to do");
    return exitCodes.done;
  }
}

type Options = NonNullable<ParseArgsConfig["options"]>;

interface Words<O extends Options> {
  readonly args: string[];
  readonly options: O;
  readonly allowPositionals: true;
}

/** Words and options of a command. @throws TypeError of node:util for what it does not take. */
export const readWords = <O extends Options>(args: string[], options: O): ReturnType<typeof parseArgs<Words<O>>> =>
  parseArgs<Words<O>>({ args, options, allowPositionals: true });
