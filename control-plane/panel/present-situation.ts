/** In words: what is wanted of a company that is not simply active, since when, who asked, and until when it is kept. */
import { findDeletionRecord } from "../tenants/changes/deletion-record.ts";
import { findLastAct } from "../tenants/last-act.ts";
import type { CompanyRow } from "../lifecycle/tenant-store.ts";
import type { Locale } from "./locale.ts";
import type { PanelContext } from "./panel-context.ts";

type Kind = "suspended" | "closed" | "removing" | "removed" | "undoing" | "held";

/** Kinds that somebody asked for, with the audit log's name of it. */
const asked: Readonly<Partial<Record<Kind, string>>> = {
  suspended: "tenant.suspension-requested",
  closed: "tenant.deletion-requested",
  removing: "tenant.deletion-requested",
  removed: "tenant.deletion-requested",
};

/** Classes of a notice; the others warn. */
const tones: Readonly<Partial<Record<Kind, string>>> = { undoing: "danger", held: "danger", removed: "still" };

/** Undefined for a company of which there is nothing to say but its steps. */
export async function presentSituation(ctx: PanelContext, locale: Locale, company: CompanyRow) {
  const kind = kindOf(company);
  if (kind === undefined) return undefined;
  const action = asked[kind];
  const act = action === undefined ? undefined : await findLastAct(ctx.db, company.id, action);
  const record = kind === "removed" ? await findDeletionRecord(ctx.db, company.id) : undefined;
  const dates: Readonly<Partial<Record<Kind, string | undefined>>> = {
    suspended: act?.at.toISOString(),
    closed: company.purge_after?.toISOString(),
    removed: record?.manifest.finishedAt,
  };
  const date = dates[kind];
  return {
    kind,
    date,
    title: (date && locale.find(`situation.${kind}.dated`)) ?? locale.text(`situation.${kind}`),
    about: locale.text(`situation.${kind}.about`),
    tone: tones[kind] ?? "",
    act: act && { ...act, at: act.at.toISOString() },
    manifest: record && `/tenants/${company.id}/manifest`,
  };
}

function kindOf({ desired_state: desired, status }: CompanyRow): Kind | undefined {
  if (desired === "suspended") return "suspended";
  if (desired === "closed") return "closed";
  if (desired === "rolled_back") return "undoing";
  if (desired === "deleted") return status === "deleted" ? "removed" : "removing";
  return status === "failed" ? "held" : undefined;
}
