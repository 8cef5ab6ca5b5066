/**
 * A look at everything that a company owns, held against its rows. What is safe to make again is given to the loop;
 * what a person may have changed on purpose, the schema and its rights above all, is reported and never touched.
 */
import { isDeepStrictEqual } from "node:util";
import { isServiceDown, reasonOf } from "../../../core/errors.ts";
import { withoutUrls } from "../../../core/logger.ts";
import type { ControlContext } from "../../context.ts";
import { intervalSeconds } from "./schedule.ts";
import { findInspection, recordInspection, type Finding } from "./inspection-store.ts";
import { LeaseLost } from "../lease.ts";
import { listResources, type ResourceRow } from "../operation-store.ts";
import { goalOf } from "../plan-steps.ts";
import type { Inspection, LeasedTenant, Resource, ResourceName } from "../resource.ts";
import { ownedResources } from "../resources/index.ts";

/** Made of nothing but what the registry says: making them again loses nothing that a person put there. */
const remakable: ReadonlySet<ResourceName> = new Set(["cache", "queue", "dns", "certificate", "worker"]);

/** Looks when it is the company's turn, before the loop walks: what is found out is made in the same convergence. */
export async function inspectIfDue(ctx: ControlContext, tenant: LeasedTenant): Promise<void> {
  if (!tenant.inspectionDue) return;
  // A closed company is left as it is, and of one that goes the loop looks itself.
  if (tenant.desiredState === "active" || tenant.desiredState === "suspended") await inspectTenant(ctx, tenant);
}

/**
 * Changes nothing but rows. A service that does not answer makes a finding `unknown`, from which nothing follows.
 * @throws LeaseLost, and what PostgreSQL throws when it is away.
 */
export async function inspectTenant(ctx: ControlContext, tenant: LeasedTenant): Promise<void> {
  const [rows, last] = await Promise.all([listResources(ctx.db, tenant.id), findInspection(ctx.db, tenant.id)]);
  const former = last?.findings ?? [];
  const looks = await Promise.all(ownedResources.map((resource) => lookAt(ctx, tenant, { resource, rows, former })));
  const findings = looks.flatMap(({ finding }) => finding ?? []);
  const drift = findings.filter(isDrift);
  const before = former.filter(isDrift);
  const found = drift.filter((one) => !before.some((other) => isDeepStrictEqual(one, other)));
  const gone = before.filter((one) => !drift.some(({ resource }) => resource === one.resource));
  if (found.length > 0) ctx.log.warn({ companyId: tenant.id, findings: found }, "tenant.drift-found");
  if (gone.length > 0) ctx.log.info({ companyId: tenant.id, findings: gone }, "tenant.drift-gone");
  await recordInspection(ctx, tenant, {
    result: drift.length > 0 ? "drifted" : findings.length > 0 ? "unknown" : "ok",
    findings,
    found,
    gone,
    handOver: looks.flatMap(({ finding, handOver }) => (finding && handOver ? finding.resource : [])),
    nextSeconds: nextLook(ctx, { findings, found }),
  });
}

const isDrift = ({ state }: Finding): boolean => state !== "unknown";

interface Look {
  readonly finding?: Finding | undefined;
  readonly handOver?: boolean;
}

interface Subject {
  readonly resource: Resource;
  readonly rows: readonly ResourceRow[];
  readonly former: readonly Finding[];
}

async function lookAt(ctx: ControlContext, tenant: LeasedTenant, { resource, rows, former }: Subject): Promise<Look> {
  const known = former.find((finding) => finding.resource === resource.name && isDrift(finding));
  const goal = goalOf(tenant.desiredState, resource.name);
  // The loop is at it, or waits: what was found before holds until its row says otherwise.
  if (rows.find(({ name }) => name === resource.name)?.status !== goal) return { finding: known };
  const { name } = resource;
  const seen = await inspect(ctx, tenant, resource);
  if (seen.state === (goal === "ready" ? "present" : "absent")) return {};
  if (seen.state === "unknown")
    return { finding: known ?? { resource: name, state: "unknown", why: [seen.why], action: "reported" } };
  const state = seen.state === "absent" ? "absent" : "drifted";
  const why = seen.state === "drifted" ? seen.why : [seen.state === "absent" ? "it is gone" : "it is still there"];
  const ensuring = remakable.has(name) ? "mends" : ensuringOf(tenant, name, seen);
  const action = ensuring === "mends" ? "healing" : "reported";
  return { finding: { resource: name, state, why, action }, handOver: ensuring !== undefined };
}

/** The loop is given a lost schema as well: of a company that lived it makes none, and its row then says what to do. */
function ensuringOf(tenant: LeasedTenant, name: ResourceName, seen: Inspection): "mends" | "refuses" | undefined {
  if (seen.state === "drifted") return seen.ensuring;
  if (name !== "database" || seen.state !== "absent") return undefined;
  return tenant.wasActive ? "refuses" : "mends";
}

/** Never rejects for what went wrong while looking: nobody can say then. @throws LeaseLost. */
async function inspect(ctx: ControlContext, tenant: LeasedTenant, resource: Resource): Promise<Inspection> {
  try {
    return await resource.inspect(ctx, tenant);
  } catch (error) {
    if (error instanceof LeaseLost) throw error;
    // An outage is told by whoever watches the service, not once for each thing of each company.
    const details = { err: error, companyId: tenant.id, resource: resource.name };
    ctx.log[isServiceDown(error) ? "debug" : "warn"](details, "could not be looked at");
    return { state: "unknown", why: withoutUrls(reasonOf(error)).slice(0, 300) };
  }
}

/**
 * Soon after something was given to the loop, to see it healed; before the usual time where nobody could look or the
 * loop has not got there; else when the interval is over, a little earlier or later so that the fleet never bunches up.
 */
function nextLook(
  ctx: ControlContext,
  { findings, found }: { findings: readonly Finding[]; found: readonly Finding[] },
): number {
  const interval = intervalSeconds(ctx);
  const heals = ({ action }: Finding) => action === "healing";
  if (found.some(heals)) return Math.min(interval / 10, 30);
  if (findings.some((finding) => heals(finding) || !isDrift(finding))) return interval / 10;
  return interval * (0.8 + Math.random() * 0.2);
}
