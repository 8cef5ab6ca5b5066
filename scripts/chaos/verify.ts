/** What must hold after every strike: converged, nothing twice, nothing orphaned, and every answer true. */
import type { OrphanReport } from "../../control-plane/lifecycle/upkeep/orphans.ts";
import { goalOf } from "../../control-plane/lifecycle/plan-steps.ts";
import type { ResourceName } from "../../control-plane/lifecycle/resource.ts";
import { ownedResources } from "../../control-plane/lifecycle/resources/index.ts";
import { readLeasedTenant } from "../../control-plane/lifecycle/tenant-store.ts";
import { messageOf } from "../../core/errors.ts";
import { isRemoval } from "../../core/tenant.ts";
import { ask, attempt, insist, waitUntil, type Answer, type ChaosClient, type ChaosRequest } from "./client.ts";
import type { Tenant } from "./client.ts";
import type { Journey } from "./journeys.ts";
import type { Site } from "./site.ts";

export interface Outcome {
  readonly journey: Journey;
  readonly slug: string;
  readonly request: ChaosRequest;
  /** What the client was told so far; undefined where its connection broke. */
  readonly answers: readonly (Answer | undefined)[];
}

/** A worker that could not sign off, for Redis was away, counts as alive for half a minute. */
const patienceSeconds = 60;

/** Answers the first thing that is wrong, or undefined. */
export async function verifyOutcome(site: Site, client: ChaosClient, outcome: Outcome): Promise<string | undefined> {
  const { journey, slug, request } = outcome;
  let last = "";
  const isOver = async () => (last = await findPending(site, client, outcome).catch(messageOf)) === "";
  const converged = await waitUntil(isOver, patienceSeconds);
  if (!converged) return `not converged after ${patienceSeconds} s: ${last}`;
  const checks = [
    () => findUntruth(outcome),
    // A provisioning may be asked for again with its key at any time: the answer is this company's, and no second one is made.
    async () =>
      journey.operation === "provision"
        ? findUntruth({ ...outcome, answers: [await insist(() => client, request)] })
        : undefined,
    () => findDoubles(site, outcome),
    () => (journey.status === undefined ? undefined : findDrift(site, outcome)),
    () => findOrphaned(client),
  ];
  for (const check of checks) {
    const fault = await check();
    if (fault !== undefined) return slug + ": " + fault;
  }
  return undefined;
}

/** What is not done yet, as the API and the operations say; empty when all is as wanted. */
async function findPending({ eyes: { db } }: Site, client: ChaosClient, { journey, slug }: Outcome): Promise<string> {
  const [running] = await db("operations").where({ status: "running" }).limit(1);
  if (running !== undefined) return `operation ${running.id} (${running.kind}) is running`;
  const answer = await attempt(client, { method: "GET", path: `/api/tenants/${slug}` });
  if (answer === undefined) return "the control plane does not answer";
  if (journey.status === undefined)
    return answer.status === 404 ? "" : `the company is still there: ${answer.status} ${String(answer.body["status"])}`;
  if (answer.status !== 200) return `the company answered ${answer.status}: ${JSON.stringify(answer.body)}`;
  const tenant = answer.body as unknown as Tenant;
  const behind = tenant.resources.filter(
    ({ name, status }) =>
      // What a state leaves as it is, is as an active company has it.
      status !== (goalOf(journey.to, name as ResourceName) ?? goalOf("active", name as ResourceName)),
  );
  const workers = journey.to === "active" ? 1 : 0;
  return tenant.status === journey.status && behind.length === 0 && tenant.activeWorkers === workers
    ? ""
    : `status ${tenant.status}, ${tenant.activeWorkers} workers, ${JSON.stringify(behind)}`;
}

/** A client is told 2xx about its own company, or that it should come back; nothing else. */
function findUntruth({ journey, slug, answers }: Outcome): string | undefined {
  for (const answer of answers) {
    if (answer === undefined || answer.status === 503) continue;
    const { status, body } = answer;
    if (body["code"] === "idempotency-in-progress" || (journey.refused && body["code"] === "provisioning-failed"))
      continue;
    const named = (body["tenant"] as Tenant | undefined)?.slug;
    if (status < 300 && (named === slug || journey.operation !== "provision")) continue;
    return `a client was answered ${status}: ${JSON.stringify(body).slice(0, 300)}`;
  }
  return undefined;
}

async function findDoubles({ eyes: { db } }: Site, { journey, slug }: Outcome): Promise<string | undefined> {
  const found = await db("companies").where({ slug }).pluck("id");
  const wanted = journey.status === undefined ? 0 : 1;
  if (found.length !== wanted) return `${found.length} companies of one slug instead of ${wanted}`;
  const requests = await count(
    db("audit_log").where({ action: "tenant.requested" }).whereRaw("data->>'slug' = ?", [slug]),
  );
  if (requests !== 1) return `asked for once, and in the audit log ${requests} times`;
  const id: number | undefined = found[0];
  if (id === undefined) return undefined;
  const gone = isRemoval(journey.to);
  const counts: Readonly<Record<string, readonly [number, number]>> = {
    certificates: [await count(db("certificates").where({ company_id: id })), gone ? 0 : 1],
    "last exports": [await count(db("tenant_archives").where({ company_id: id })), gone ? 1 : 0],
    hosts: [await count(db("domains").where({ company_id: id })), 2],
    "failed operations": [
      await count(db("operations").where({ company_id: id, status: "failed", kind: kindOf(journey) })),
      0,
    ],
    "operations of this kind": [await count(db("operations").where({ company_id: id, kind: kindOf(journey) })), 1],
    owners: [
      gone ? 0 : await count(db.withSchema(`tenant_${id}`).from("users").where({ role: "owner" })),
      gone ? 0 : 1,
    ],
  };
  const wrong = Object.entries(counts).find(([, [is, should]]) => is !== should);
  return wrong && `${wrong[1][0]} ${wrong[0]} instead of ${wrong[1][1]}`;
}

/** Closing is what the API's deletion does first. */
const kindOf = ({ operation }: Journey): string => (operation === "close" ? "delete" : operation);

const count = async (query: { count(): PromiseLike<unknown> }): Promise<number> =>
  Number(((await query.count()) as { count: unknown }[])[0]?.count);

/** Holds every row against the thing itself. Users and workers come back to a restarted Redis a moment later. */
async function findDrift({ eyes }: Site, { journey, slug }: Outcome): Promise<string | undefined> {
  const id: number = (await eyes.db("companies").where({ slug }).first("id")).id;
  const tenant = await readLeasedTenant(eyes.db, id, 0);
  let wrong: string[] = [];
  const isRight = async () => {
    const looks = ownedResources.map(async (resource) => {
      const wanted = (goalOf(journey.to, resource.name) ?? "ready") === "ready" ? "present" : "absent";
      const found = await resource.inspect(eyes, tenant).catch((error: Error) => ({ state: error.message }));
      return found.state === wanted ? [] : [`${resource.name} is ${JSON.stringify(found)} instead of ${wanted}`];
    });
    wrong = (await Promise.all(looks)).flat();
    return wrong.length === 0;
  };
  return (await waitUntil(isRight, 15)) ? undefined : wrong.join("; ");
}

/** A Redis that was restarted gets the users of all companies back a moment later. */
async function findOrphaned(client: ChaosClient): Promise<string | undefined> {
  let report: (OrphanReport & { clean: boolean }) | undefined;
  const isClean = async () => {
    report = await ask<OrphanReport & { clean: boolean }>(client, "GET", "/api/orphans");
    return report.clean;
  };
  return (await waitUntil(isClean, 10)) ? undefined : `orphans: ${JSON.stringify(report)}`;
}
