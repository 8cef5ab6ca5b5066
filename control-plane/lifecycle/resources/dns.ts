/** The tenant's hosts: a row each, and a record at the provider. */
import { ResourceError } from "../../../core/errors.ts";
import { hostKinds, ownerMark, tenantHost } from "../../../core/tenant.ts";
import type { ControlContext } from "../../context.ts";
import type { Inspection, LeasedTenant, Resource } from "../resource.ts";

export const dns: Resource = {
  name: "dns",
  after: [],

  async inspect(ctx, tenant): Promise<Inspection> {
    const rows = await ctx.db("domains").where({ company_id: tenant.id }).whereNot({ domain_status: "removed" });
    if (rows.length === 0) return { state: "absent" };
    const why: string[] = [];
    for (const host of hostsOf(tenant)) {
      const row = rows.find((candidate: { host: string }) => candidate.host === host);
      if (row?.domain_status !== "ready") why.push(`${host} is not ready`);
      const record = await ctx.dns.inspect(host, ownerMark(tenant.uuid));
      if (record === "unknown") return { state: "unknown", why: `the DNS provider did not answer for ${host}` };
      if (record !== "present") why.push(`the record of ${host} is ${record}`);
    }
    return why.length === 0 ? { state: "present" } : { state: "drifted", why };
  },

  async ensure(ctx, tenant) {
    for (const host of hostsOf(tenant)) {
      if ((await ctx.dns.inspect(host, ownerMark(tenant.uuid))) === "foreign") {
        throw new ResourceError("conflict", "dns-foreign", `a record of ${host} exists and is not ours`);
      }
      await ctx.dns.ensure(host, ownerMark(tenant.uuid));
    }
    await writeRows(ctx, tenant);
  },

  async destroy(ctx, tenant) {
    for (const host of hostsOf(tenant)) await ctx.dns.remove(host, ownerMark(tenant.uuid));
    // The rows stay: a host that was ever given out is not given to another company.
    await ctx
      .db("domains")
      .where({ company_id: tenant.id })
      .update({ domain_status: "removed", updated_at: ctx.db.fn.now() });
  },
};

export const hostsOf = (tenant: LeasedTenant): string[] =>
  hostKinds.map((kind) => tenantHost(kind, tenant.slug, tenant.baseDomain));

async function writeRows(ctx: ControlContext, tenant: LeasedTenant): Promise<void> {
  const rows = hostKinds.map((kind) => ({
    company_id: tenant.id,
    host: tenantHost(kind, tenant.slug, tenant.baseDomain),
    kind,
    provider: ctx.dns.name,
    domain_status: "ready",
  }));
  const written = await ctx
    .db("domains")
    .insert(rows)
    .onConflict("host")
    .merge({ domain_status: "ready", provider: ctx.dns.name, updated_at: ctx.db.fn.now() })
    .where("domains.company_id", tenant.id)
    .returning("id");
  if (written.length < rows.length)
    throw new ResourceError("conflict", "host-taken", "a host of this company belongs to another company");
}
