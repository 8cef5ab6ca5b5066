import type { RunPlan } from "../../control-plane/fleet/plan-run.ts";
import { planSql } from "../../control-plane/fleet/plan-sql.ts";
import { nameOf } from "../../core/migrations/version.ts";
import { exitCodes, say, sayJson } from "./command.ts";
import { aimOf } from "./terminal-reporter.ts";

/** What a run would do: tenants of each wave, the exact SQL and its locks. */
export async function showPlan(plan: RunPlan, { json }: { json: boolean }): Promise<number> {
  const sql = await planSql(plan);
  if (json) sayJson({ ...plan, sql });
  else for (const line of planLines(plan)) say(line);
  if (!json && sql !== "") say(`\n${sql}`);
  return exitCodes.done;
}

function planLines(plan: RunPlan): string[] {
  const newer = plan.newer > 0 ? [`${plan.newer} tenants of a newer release are left alone`] : [];
  if (plan.tenants === 0) return ["nothing to do", ...newer];
  return [
    `${aimOf(plan)}: ${plan.tenants} tenants; nothing is changed now`,
    ...plan.from.map(({ version, tenants }) => `  ${String(tenants).padStart(7)} at ${nameOf(version)}`),
    ...plan.waves.map(({ name, tenants }) => `  ${String(tenants).padStart(7)} in wave ${name}`),
    ...newer,
    ...(plan.files.length === 0 ? ["Name a migration with --to to see the SQL."] : []),
  ];
}
