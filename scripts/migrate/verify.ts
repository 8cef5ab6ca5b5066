import { writeFile } from "node:fs/promises";
import type { FleetContext } from "../../control-plane/fleet/fleet-context.ts";
import { printVerify, verifyExitCode } from "../../control-plane/fleet/verify/print-verify.ts";
import { proposeRepair } from "../../control-plane/fleet/verify/repair/propose-repair.ts";
import { verifyFleet, type VerifyProgress, type VerifyResult } from "../../control-plane/fleet/verify/verify-fleet.ts";
import { refuseMore, requireRegistry, say, sayJson, UsageError, withFleet, type Command } from "./command.ts";
import { getCompany } from "./find-company.ts";
import { readWords } from "./start-run.ts";

export const verifyCommand: Command = {
  usage: "verify [options]",
  about: "hold every schema against a fresh one of its version, and tell the differences; changes no schema",
  details: `
  --tenant <id|uuid|slug>  only this company
  --concurrency 4          connections at once
  --repair-sql <file>      write SQL that would mend what drifted, for a person to read and to run
  --json                   as JSON

Exit: 0 all are as they should be, 1 some are not, 3 all are, but some are behind.`,
  read(args) {
    const text = { type: "string" } as const;
    const { values, positionals } = readWords(args, {
      tenant: text,
      concurrency: text,
      "repair-sql": text,
      json: { type: "boolean", default: false },
    });
    refuseMore(positionals, 0);
    const concurrency = Number(values.concurrency ?? 4);
    if (!Number.isInteger(concurrency) || concurrency < 1 || concurrency > 64)
      throw new UsageError("--concurrency: a whole number from 1 to 64");
    const { tenant, json, "repair-sql": file } = values;
    return () =>
      withFleet(async (ctx) => {
        await requireRegistry(ctx);
        const tenants = tenant === undefined ? undefined : [(await getCompany(ctx.db, tenant)).id];
        const result = await verifyFleet(ctx, { tenants, concurrency, onProgress: progressLine(json) });
        if (json) sayJson(result);
        else say(printVerify(result));
        if (file !== undefined) await writeRepair(ctx, result, file);
        return verifyExitCode(result);
      });
  },
};

async function writeRepair(ctx: FleetContext, { tenants }: VerifyResult, file: string): Promise<void> {
  const drifted = tenants.filter(({ status }) => status === "drifted");
  const scripts: string[] = [];
  for (const { tenant } of drifted) scripts.push(await proposeRepair(ctx, tenant));
  await writeFile(file, scripts.join("\n"));
  process.stderr.write(`${file}: proposals for ${drifted.length} schemas; read them before you run them\n`);
}

/** Redrawn in place on a terminal, a few times a second; silent elsewhere. */
function progressLine(json: boolean): ((progress: VerifyProgress) => void) | undefined {
  if (json || !process.stderr.isTTY) return undefined;
  let drawn = 0;
  return ({ done, total, counts }) => {
    const now = Date.now();
    if (now - drawn < 200 && done < total) return;
    drawn = now;
    const text = `${done}/${total} schemas, ${counts.drifted} drifted, ${counts.behind} behind`;
    process.stderr.write(`\r${text}\u001b[K${done >= total ? "\n" : ""}`);
  };
}
