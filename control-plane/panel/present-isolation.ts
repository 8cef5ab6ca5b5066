import type { IsolationLevel } from "../../core/isolation/probe.ts";
import { readReports, type IsolationReport } from "../../core/isolation/report.ts";
import type { PanelContext } from "./panel-context.ts";
import type { Locale } from "./locale.ts";

const looks: Readonly<Record<IsolationLevel, string>> = { none: "failed", pooled: "degraded", hardened: "active" };

/** The weakest level that a serving process found, and what failed there; undefined when none runs, or Redis is away. */
export async function presentIsolation({ redis }: PanelContext, locale: Locale) {
  const reports = await readReports(redis).catch((): IsolationReport[] => []);
  const [weakest] = reports;
  if (weakest === undefined) return undefined;
  const { level } = weakest;
  return {
    level,
    look: looks[level],
    text: locale.text(`isolation.level.${level}`),
    help: locale.text(`isolation.help.${level}`),
    failed: [...new Set(reports.flatMap(({ failed }) => failed))],
  };
}
