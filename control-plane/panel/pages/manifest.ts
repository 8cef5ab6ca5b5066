import { getCompany } from "../../tenants/changes/change-tenant.ts";
import { getDeletionRecord } from "../../tenants/changes/deletion-record.ts";
import { nameOfActor } from "../../tenants/last-act.ts";
import { localeOf, referenceOf, show, type PanelContext, type PersonsVisit } from "../panel-context.ts";
import { presentManifest } from "../present-manifest.ts";

/** The account of a deletion, to read and to keep. */
export async function showManifest(ctx: PanelContext, visit: PersonsVisit): Promise<void> {
  const locale = localeOf(ctx, visit);
  const company = await getCompany(ctx.db, referenceOf(visit));
  const { manifest, jws } = await getDeletionRecord(ctx.db, company);
  const { requested } = manifest;
  const model = {
    company,
    jws,
    manifest: presentManifest(locale, manifest),
    requestedBy: requested && (await nameOfActor(ctx.db, requested.by)),
  };
  show(ctx, visit, { view: "manifest", title: locale.text("manifest.title"), model });
}

/** The signed form as a file: a JSON Web Signature in compact serialization (RFC 7515, 9.2.1). */
export async function sendManifest(ctx: PanelContext, visit: PersonsVisit): Promise<void> {
  const company = await getCompany(ctx.db, referenceOf(visit));
  const { jws } = await getDeletionRecord(ctx.db, company);
  visit.res
    .attachment(`exclusao-${company.slug}.jws`)
    .type("application/jose")
    .set("Cache-Control", "no-store")
    .send(jws);
}
