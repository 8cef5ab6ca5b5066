import { renderDryRun } from "../../core/migrations/analysis/render-dry-run.ts";
import { compiledMigrations } from "../../core/migrations/compile.ts";
import type { RunPlan } from "./plan-run.ts";

/** What a run would send to a schema that lacks all of it, with the locks of each file; empty where there is nothing to do. */
export async function planSql({ files, direction, tenants }: RunPlan): Promise<string> {
  if (tenants === 0) return "";
  const all = await compiledMigrations("tenant");
  return renderDryRun(
    all.filter(({ name }) => files.includes(name)),
    direction,
  );
}
