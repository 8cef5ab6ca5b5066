import { findFailedProvisioning, type FailedProvisioning } from "../../tenants/failed-provisioning.ts";
import type { Locale } from "../locale.ts";
import { localeOf, referenceOf, show, type PanelContext, type PersonsVisit } from "../panel-context.ts";
import { presentFailure } from "../present-failure.ts";

/** 404 that says why: the company's provisioning failed for good and was undone. False when it never was there. */
export async function showRolledBack(ctx: PanelContext, visit: PersonsVisit): Promise<boolean> {
  const reference = referenceOf(visit);
  if (!/^[1-9]\d{0,15}$/.test(reference)) return false;
  const failed = await findFailedProvisioning(ctx.db, Number(reference));
  if (failed === undefined) return false;
  const locale = localeOf(ctx, visit);
  const model = { failed: presentFailed(locale, failed) };
  show(ctx, visit, { view: "rolled-back", title: locale.text("rolledBack.title"), status: 404, model });
  return true;
}

/** What failed, for this page and for "Nova Empresa". */
export function presentFailed(locale: Locale, { slug, endedAt, steps }: FailedProvisioning) {
  return {
    slug,
    endedAt: endedAt.toISOString(),
    causes: steps
      .filter(({ status }) => status === "failed")
      .map(({ name, last_error: error }) => presentFailure(locale, { name, error })),
  };
}
