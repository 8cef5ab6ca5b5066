/** `provisioning.email`: tells the owner that the company is there, where, and how to get in. */
import { tenantHost } from "../../core/tenant.ts";
import type { ControlContext } from "../context.ts";
import { setupLinkDays } from "../lifecycle/resources/owner.ts";
import { findCompany, type CompanyRow } from "../lifecycle/tenant-store.ts";
import { ownerSetupUrl, renewSetupLink } from "../tenants/owner-setup-link.ts";
import { tenantUrl } from "../tenants/present-tenant.ts";
import type { Post } from "./deliver.ts";
import { templateOf } from "./mailer.ts";
import type { OutboxRow, Outcome } from "./outbox-store.ts";

/**
 * Everything is read now: the row may have waited. An owner who has a password gets no link. The link's days begin when
 * the mail goes out. @throws ResourceError what the mailer throws; what PostgreSQL throws when it is away.
 */
export async function sendProvisioningEmail(ctx: ControlContext, row: OutboxRow, post: Post): Promise<Outcome> {
  const company = await findCompany(ctx.db, row.companyId);
  if (company === undefined) return { result: "skipped", reason: "company-gone" };
  if (company.desired_state !== "active")
    return { result: "skipped", reason: `company-${company.desired_state.replace("_", "-")}` };
  const linkEndsAt = await renewSetupLink(ctx, company);
  const values = { ...addressesOf(ctx, company), setupUrl: linkEndsAt ? ownerSetupUrl(ctx, company) : null };
  const mail = {
    kind: row.kind,
    company,
    messageId: `${row.kind}.${row.id}.${company.uuid}`,
    to: { name: company.owner_name, address: company.owner_email },
    ...post.templates(templateOf(row.kind), company.locale, values),
  };
  return { result: await post.mailer.send(mail, post.signal) };
}

const addressesOf = (ctx: ControlContext, { name, owner_name, slug, base_domain }: CompanyRow) => ({
  company: name,
  owner: owner_name,
  chatUrl: tenantUrl(ctx, tenantHost("chat", slug, base_domain)),
  apiUrl: tenantUrl(ctx, tenantHost("api", slug, base_domain)),
  linkDays: setupLinkDays,
});
