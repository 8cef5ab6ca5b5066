/** What must hold after every crash: converged, nothing twice, nothing orphaned. */
import { findOrphans, isClean } from "../../control-plane/lifecycle/orphans.ts";
import type { ControlContext } from "../../control-plane/context.ts";
import { openDatabase, type Knex } from "../../core/db.ts";
import { createLogger } from "../../core/logger.ts";
import { openRedis } from "../../core/redis.ts";
import type { Stack } from "../stack.ts";
import { ask, waitUntil, type ChaosClient, type Tenant } from "./client.ts";
import type { ChaosOperation } from "./points.ts";

const wantedStatus = { provision: "active", resume: "active", suspend: "suspended", delete: "deleted" } as const;

/** Answers the first thing that is wrong, or undefined. */
export async function verifyOutcome(
  stack: Stack,
  client: ChaosClient,
  { operation, slug }: { operation: ChaosOperation; slug: string },
): Promise<string | undefined> {
  const log = createLogger("chaos", "silent");
  const db = openDatabase(stack.connection.databaseUrl, { name: "chaos", max: 2 });
  const redis = openRedis(stack.connection.redisUrl, log);
  try {
    const converged = await waitUntil(() => hasConverged(client, db, { operation, slug }), 30);
    if (!converged) return `not converged after 30 s: ${await describe(client, slug)}`;
    const twice = await findDoubles(db, slug);
    if (twice !== undefined) return twice;
    const report = await findOrphans({ db, redis } as unknown as ControlContext);
    return isClean(report) ? undefined : `orphans: ${JSON.stringify(report)}`;
  } finally {
    redis.disconnect();
    await db.destroy();
  }
}

async function hasConverged(
  client: ChaosClient,
  db: Knex,
  { operation, slug }: { operation: ChaosOperation; slug: string },
): Promise<boolean> {
  const tenant = await ask<Tenant>(client, "GET", `/api/tenants/${slug}`).catch(() => undefined);
  if (tenant?.status !== wantedStatus[operation]) return false;
  const goal = (name: string) =>
    name !== "archive" && (operation === "delete" || (operation === "suspend" && name === "worker"))
      ? "absent"
      : "ready";
  if (!tenant.resources.every((row) => row.status === goal(row.name))) return false;
  return (await db("operations").where({ company_id: tenant.id, status: "running" }).first("id")) === undefined;
}

async function findDoubles(db: Knex, slug: string): Promise<string | undefined> {
  const [company, ...more] = await db("companies").where({ slug });
  if (company === undefined || more.length > 0) return `${more.length + 1} companies of one slug`;
  const count = async (table: string) =>
    Number((await db(table).where({ company_id: company.id }).count())[0]?.["count"]);
  const certificates = await count("certificates");
  const wanted = company.desired_state === "deleted" ? 0 : 1;
  if (certificates !== wanted) return `${certificates} certificates instead of ${wanted}`;
  if ((await count("domains")) !== 2) return `${await count("domains")} hosts instead of 2`;
  if (wanted === 0) {
    const archives = await count("tenant_archives");
    return archives === 1 ? undefined : `${archives} last exports instead of 1`;
  }
  const owners = await db.withSchema(`tenant_${company.id}`).from("users").where({ role: "owner" });
  return owners.length === 1 ? undefined : `${owners.length} owners instead of 1`;
}

async function describe(client: ChaosClient, slug: string): Promise<string> {
  const tenant = await ask<Tenant>(client, "GET", `/api/tenants/${slug}`).catch((error: Error) => error.message);
  return JSON.stringify(typeof tenant === "string" ? tenant : tenant.resources);
}
