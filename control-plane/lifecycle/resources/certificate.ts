/** One certificate for all hosts of the tenant. */
import type { Knex } from "../../../core/db.ts";
import { readCertificate } from "../../../core/x509.ts";
import type { ControlContext } from "../../context.ts";
import type { Inspection, LeasedTenant, Resource } from "../resource.ts";
import { hostsOf } from "./dns.ts";

/** A certificate with less than this part of its life left is replaced. */
const renewBelow = 1 / 3;

export const certificate: Resource = {
  name: "certificate",
  after: ["dns"],

  async inspect(ctx, tenant): Promise<Inspection> {
    const current = await findCertificate(ctx, tenant);
    if (current === undefined) return { state: "absent" };
    // One that is only due for renewal is as it should be: housekeeping asks for the next one.
    const why = problemsOf(current, { hosts: hostsOf(tenant), least: 0 });
    const active = await ctx
      .db("domains")
      .where({ company_id: tenant.id, certificate_id: current.id, ssl_status: "active" })
      .pluck("host");
    if (!hostsOf(tenant).every((host) => active.includes(host))) why.push("a host does not use the certificate");
    return why.length === 0 ? { state: "present" } : { state: "drifted", why };
  },

  async ensure(ctx, tenant) {
    const hosts = hostsOf(tenant);
    const current = await findCertificate(ctx, tenant);
    const usable = current !== undefined && problemsOf(current, { hosts, least: renewBelow }).length === 0;
    if (usable) await useCertificate(ctx.db("domains"), { companyId: tenant.id, hosts, certificateId: current.id });
    else await issue(ctx, tenant, hosts);
  },

  async destroy(ctx, tenant) {
    await ctx.db.transaction(async (trx) => {
      await trx("domains").where({ company_id: tenant.id }).update({ ssl_status: "removed", certificate_id: null });
      await trx("certificates").where({ company_id: tenant.id }).delete();
    });
  },
};

interface CertificateRow {
  readonly id: number;
  readonly certificate: string;
  readonly not_before: Date;
  readonly not_after: Date;
}

const findCertificate = (ctx: ControlContext, tenant: LeasedTenant): Promise<CertificateRow | undefined> =>
  ctx.db("certificates").where({ company_id: tenant.id }).orderBy("not_after", "desc").first();

/** `least`: the part of its life that must be left. */
function problemsOf(row: CertificateRow, { hosts, least }: { hosts: readonly string[]; least: number }): string[] {
  const { names } = readCertificate(row.certificate);
  const life = row.not_after.getTime() - row.not_before.getTime();
  const left = row.not_after.getTime() - Date.now();
  return [
    ...hosts.filter((host) => !names.includes(host)).map((host) => `the certificate does not name ${host}`),
    ...(left <= life * least ? [left <= 0 ? "the certificate has ended" : "the certificate is due for renewal"] : []),
  ];
}

/** Certificate and hosts change together: a host never names a certificate that is not there. */
async function issue(ctx: ControlContext, tenant: LeasedTenant, names: readonly string[]): Promise<void> {
  const issued = await ctx.issuer.issue(names);
  const insert = ctx.db("certificates").insert({
    company_id: tenant.id,
    issuer: ctx.issuer.name,
    names,
    serial: issued.serial,
    certificate: issued.certificate,
    private_key_sealed: ctx.secrets.seal(issued.privateKey, `certificate:${issued.serial}`),
    not_before: issued.notBefore,
    not_after: issued.notAfter,
  });
  await useCertificate(ctx.db.with("made", insert.returning("id")).from("domains"), {
    companyId: tenant.id,
    hosts: names,
    certificateId: ctx.db.raw("(SELECT id FROM made)"),
  });
}

async function useCertificate(
  domains: Knex.QueryBuilder,
  {
    companyId,
    hosts,
    certificateId,
  }: { companyId: number; hosts: readonly string[]; certificateId: number | Knex.Raw },
): Promise<void> {
  await domains
    .where({ company_id: companyId })
    .whereIn("host", [...hosts])
    .update({ certificate_id: certificateId, ssl_status: "active", updated_at: new Date() });
}
