/** After a storm: what is there, and how much of it should be. */
import { verifyAudit } from "../../control-plane/audit-log.ts";
import { ownedResources } from "../../control-plane/lifecycle/resources/index.ts";
import { readLeasedTenant } from "../../control-plane/lifecycle/tenant-store.ts";
import type { OrphanReport } from "../../control-plane/lifecycle/upkeep/orphans.ts";
import type { Knex } from "../../core/db.ts";
import { ask, attempt, waitUntil } from "./client.ts";
import type { Site } from "./site.ts";
import type { StormClient } from "./storm.ts";

export interface Count {
  readonly what: string;
  readonly is: number;
  readonly should: number;
}

/** Companies that have something to do, or an operation that has not ended. */
export async function findPendingCompanies(db: Knex): Promise<number> {
  const { rows } = await db.raw<{ rows: { count: number }[] }>(
    `SELECT count(*) FROM companies c WHERE EXISTS (SELECT FROM tenant_resources r WHERE r.company_id = c.id AND r.status <> 'ready')
       OR EXISTS (SELECT FROM operations o WHERE o.company_id = c.id AND o.status = 'running')`,
  );
  return Number(rows[0]?.count);
}

export async function countStorm(site: Site, clients: readonly StormClient[]): Promise<Count[]> {
  const { db } = site.eyes;
  const size = clients.length;
  const ids: number[] = await db("companies").pluck("id");
  const { rows } = await db.raw<{ rows: Record<string, number>[] }>(countSql);
  const inDatabase: Readonly<Record<string, number>> = {
    companies: size,
    slugs: size,
    "companies active": size,
    "resources ready": size * ownedResources.length,
    "resources not ready": 0,
    hosts: size * 2,
    certificates: size,
    "companies with a certificate": size,
    "provisionings that succeeded": size,
    "operations besides": 0,
    "requests in the audit log": size,
    schemas: size,
    roles: size,
  };
  return [
    ...Object.entries(inDatabase).map(([what, should]) => ({ what, should, is: Number(rows[0]?.[what]) })),
    { what: "companies with exactly one owner", is: await countSingleOwners(db, ids), should: size },
    { what: "resources that differ from their rows", is: await countDrifted(site, ids), should: 0 },
    { what: "broken rows of the audit log", is: (await verifyAudit(db)).broken.length, should: 0 },
    ...(await countAnswers(site, clients)),
    { what: "orphans in the report of either control plane", is: await countOrphans(site), should: 0 },
  ];
}

const countSql = `
SELECT (SELECT count(*) FROM companies) AS "companies",
  (SELECT count(DISTINCT slug) FROM companies WHERE slug LIKE 'storm-%') AS "slugs",
  (SELECT count(*) FROM tenant_statuses WHERE status = 'active') AS "companies active",
  (SELECT count(*) FROM tenant_resources WHERE status = 'ready') AS "resources ready",
  (SELECT count(*) FROM tenant_resources WHERE status <> 'ready') AS "resources not ready",
  (SELECT count(*) FROM domains WHERE domain_status = 'ready' AND ssl_status = 'active') AS "hosts",
  (SELECT count(*) FROM certificates) AS "certificates",
  (SELECT count(DISTINCT company_id) FROM certificates) AS "companies with a certificate",
  (SELECT count(*) FROM operations WHERE kind = 'provision' AND status = 'succeeded') AS "provisionings that succeeded",
  (SELECT count(*) FROM operations WHERE kind <> 'provision' OR status <> 'succeeded') AS "operations besides",
  (SELECT count(*) FROM audit_log WHERE action = 'tenant.requested') AS "requests in the audit log",
  (SELECT count(*) FROM pg_namespace WHERE nspname ~ '^tenant_[0-9]+$') AS "schemas",
  (SELECT count(*) FROM pg_roles WHERE rolname ~ '^tenant_[0-9]+$') AS "roles"`;

async function countSingleOwners(db: Knex, ids: readonly number[]): Promise<number> {
  let single = 0;
  for (const id of ids) {
    const owners = await db.withSchema(`tenant_${id}`).from("users").where({ role: "owner" }).limit(2).pluck("id");
    single += owners.length === 1 ? 1 : 0;
  }
  return single;
}

/** Each thing itself is looked at; a worker's registration may come a heartbeat after Redis came back. */
async function countDrifted({ eyes }: Site, ids: readonly number[]): Promise<number> {
  let drifted = 0;
  for (const id of ids) {
    const tenant = await readLeasedTenant(eyes.db, id, 0);
    for (const resource of ownedResources) {
      const isPresent = async () => (await resource.inspect(eyes, tenant)).state === "present";
      drifted += (await waitUntil(isPresent, 15)) ? 0 : 1;
    }
  }
  return drifted;
}

/** Each client's only final answer, and the same request once more, with its key. */
async function countAnswers(site: Site, clients: readonly StormClient[]): Promise<Count[]> {
  const client = await site.signIn(site.planes[1]);
  const named = clients.map(({ slug, answer }) => {
    const tenant = answer?.body["tenant"] as { readonly id: number; readonly slug: string } | undefined;
    return tenant?.slug === slug && (answer?.status ?? 0) < 300 ? tenant.id : undefined;
  });
  let replayed = 0;
  for (const [i, { request }] of clients.entries()) {
    const again = await attempt(client, request);
    const tenant = again?.body["tenant"] as { readonly id: number } | undefined;
    replayed += tenant !== undefined && tenant.id === named[i] ? 1 : 0;
  }
  return [
    {
      what: "clients told of their own company",
      is: named.filter((id) => id !== undefined).length,
      should: clients.length,
    },
    { what: "companies that clients were told of", is: new Set(named.filter(Boolean)).size, should: clients.length },
    { what: "answers that are the same when asked again", is: replayed, should: clients.length },
  ];
}

async function countOrphans(site: Site): Promise<number> {
  let orphans = 0;
  for (const plane of site.planes) {
    const { clean: _, ...report } = await ask<OrphanReport & { clean: boolean }>(
      await site.signIn(plane),
      "GET",
      "/api/orphans",
    );
    const lists: readonly (readonly unknown[])[] = Object.values(report);
    orphans += lists.reduce((sum, list) => sum + list.length, 0);
  }
  return orphans;
}
