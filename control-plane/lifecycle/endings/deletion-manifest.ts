/** What a deleted company leaves: a signed account of what was removed and when, for the company and for the law (LGPD, art. 16 and 18). */
import { z } from "zod";
import type { Knex } from "../../../core/db.ts";
import { redisNamespace, redisUser, roleName, schemaName, queuePrefix } from "../../../core/tenant.ts";
import type { ControlContext } from "../../context.ts";
import type { LeasedTenant, ResourceName } from "../resource.ts";
import { hostsOf } from "../resources/dns.ts";
import { ownedResources } from "../resources/index.ts";

export const deletionStatement = "secretaria-deletion+jws";

export const deletionManifestSchema = z.object({
  version: z.literal(1),
  company: z.object({ id: z.int(), uuid: z.uuid(), slug: z.string(), domain: z.string() }),
  requested: z
    .object({ by: z.string(), at: z.iso.datetime(), reason: z.string().nullable() })
    .nullable()
    .describe("Who asked for the deletion, as the audit log has it"),
  removed: z.array(
    z.object({
      resource: z.string(),
      what: z.array(z.string()),
      removedAt: z.iso.datetime(),
      verifiedAbsentAt: z.iso.datetime().describe("When it was looked for again and not found"),
    }),
  ),
  archive: z
    .object({ sha256: z.string(), bytes: z.int(), takenAt: z.iso.datetime(), keptUntil: z.iso.datetime().nullable() })
    .nullable()
    .describe("The last export; null when there was no schema to export"),
  otherExports: z
    .array(z.object({ sha256: z.string(), takenAt: z.iso.datetime() }))
    .describe("Exports that somebody had asked for and that are still kept: nothing removes them by itself"),
  reserved: z.object({ slug: z.string(), hosts: z.array(z.string()) }).describe("Given to nobody else"),
  finishedAt: z.iso.datetime(),
});

export type DeletionManifest = z.output<typeof deletionManifestSchema>;

/** Names what is there again, or of what nobody can say, after it was removed. */
export async function findRemains(ctx: ControlContext, tenant: LeasedTenant): Promise<ResourceName[]> {
  const seen = await Promise.all(
    ownedResources.map(async (resource) => {
      const found = await resource.inspect(ctx, tenant).catch(() => ({ state: "unknown" }));
      return found.state === "absent" ? [] : [resource.name];
    }),
  );
  return seen.flat();
}

/** @param verifiedAt when `findRemains` found nothing. */
export async function accountForDeletion(
  ctx: ControlContext,
  tenant: LeasedTenant,
  verifiedAt: Date,
): Promise<DeletionManifest> {
  const rows: { name: ResourceName; updated_at: Date }[] = await ctx
    .db("tenant_resources")
    .where({ company_id: tenant.id });
  const company = await ctx.db("companies").where({ id: tenant.id }).first("domain");
  return {
    version: 1,
    company: { id: tenant.id, uuid: tenant.uuid, slug: tenant.slug, domain: company.domain },
    requested: await whoAsked(ctx.db, tenant.id),
    removed: ownedResources.map(({ name }) => ({
      resource: name,
      // Of one that never lived a stranger's thing of the same name may be there still, and was never its own.
      what: namesOf(tenant, name).map((what) => (tenant.wasActive ? what : `whatever was its own of ${what}`)),
      removedAt: (rows.find((row) => row.name === name)?.updated_at ?? verifiedAt).toISOString(),
      verifiedAbsentAt: verifiedAt.toISOString(),
    })),
    archive: await lastArchive(ctx.db, tenant.id),
    otherExports: await otherExports(ctx.db, tenant.id),
    reserved: { slug: tenant.slug, hosts: hostsOf(tenant) },
    finishedAt: new Date().toISOString(),
  };
}

async function whoAsked(db: Knex, companyId: number): Promise<DeletionManifest["requested"]> {
  const row = await db("audit_log")
    .where({ company_id: companyId, action: "tenant.deletion-requested" })
    .orderBy("id", "desc")
    .first("actor", "created_at", "data");
  return row && { by: row.actor, at: row.created_at.toISOString(), reason: row.data.reason ?? null };
}

async function lastArchive(db: Knex, companyId: number): Promise<DeletionManifest["archive"]> {
  const row = await db("tenant_archives")
    .where({ company_id: companyId, purpose: "final" })
    .orderBy("id", "desc")
    .first();
  if (row === undefined) return null;
  return {
    sha256: row.sha256,
    bytes: row.bytes,
    takenAt: row.created_at.toISOString(),
    keptUntil: row.expires_at?.toISOString() ?? null,
  };
}

async function otherExports(db: Knex, companyId: number): Promise<DeletionManifest["otherExports"]> {
  const rows: { sha256: string; created_at: Date }[] = await db("tenant_archives")
    .where({ company_id: companyId, purpose: "export", removed_at: null })
    .orderBy("id");
  return rows.map(({ sha256, created_at: at }) => ({ sha256, takenAt: at.toISOString() }));
}

function namesOf(tenant: LeasedTenant, name: ResourceName): string[] {
  const names: Readonly<Record<ResourceName, readonly string[]>> = {
    database: [`schema ${schemaName(tenant.id)} with all tables`, `role ${roleName(tenant.id)}`],
    cache: [`keys ${redisNamespace(tenant.id)}*`, `Redis user ${redisUser(tenant.id)}`],
    queue: [`keys ${queuePrefix(tenant.id)}:*`],
    owner: ["the owner's account", "the first token", "the set-up link"],
    dns: hostsOf(tenant).map((host) => `record ${host}`),
    certificate: [`certificates of ${hostsOf(tenant).join(", ")} with their private keys`],
    worker: ["all workers"],
    archive: [],
  };
  return [...names[name]];
}
