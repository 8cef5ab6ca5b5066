/** One point under one column: ask for the operation, see the strike, let it recover, and look at what is left. */
import { randomUUID } from "node:crypto";
import { attempt, insist, waitUntil, ask, type Answer, type ChaosClient, type Tenant } from "./client.ts";
import { isBeforeAnything, type Column } from "./columns.ts";
import { journeyOf, type Journey } from "./journeys.ts";
import type { ChaosPoint } from "./points.ts";
import { refuseOwners } from "./refuse-owner.ts";
import type { Site } from "./site.ts";
import { verifyOutcome } from "./verify.ts";

export interface CellResult extends ChaosPoint {
  readonly column: string;
  /** Undefined when all is as it should be. */
  readonly fault: string | undefined;
  /** From the strike until everything was seen to be in place. */
  readonly recoverySeconds: number;
}

let companies = 0;

/** Never throws: what breaks on the way is the cell's fault. */
export async function runCell(site: Site, column: Column, crash: ChaosPoint): Promise<CellResult> {
  for (let tries = 1; ; tries += 1) {
    const { fault, recoverySeconds } = await tryCell(site, column, crash).catch((error: Error) => ({
      fault: error.message,
      recoverySeconds: 0,
    }));
    // The other control plane may have been faster than the one that was to be struck.
    if (fault === missed && column.controlPlanes === 2 && tries < 8) continue;
    return { ...crash, column: column.name, fault, recoverySeconds };
  }
}

const missed = "nobody came by the point";

async function tryCell(
  site: Site,
  column: Column,
  crash: ChaosPoint,
): Promise<{ fault: string | undefined; recoverySeconds: number }> {
  const journey = journeyOf(crash.operation);
  companies += 1;
  const slug = `${journey.refused ? "refused" : "chaos"}-${companies}`;
  await prepare(site, column, { journey, slug });
  await column.arm(site, crash);

  const request = { ...journey.request(slug), key: randomUUID() };
  const first = attempt(await site.signIn(site.planes[0]), request);
  const survivor = column.survivor(site);
  let repeated: Promise<Answer | undefined> | undefined;
  const struck = await column.strike(site, crash, () => {
    repeated = site.signIn(survivor).then((client) => attempt(client, request));
  });
  if (struck === "missed") return { fault: missed, recoverySeconds: 0 };

  const started = performance.now();
  await survivor.ensureSound();
  const client = await site.signIn(survivor);
  // Who should answer may be held until all is over.
  const answers = [struck.aftermath === undefined ? await first : undefined, await repeated];
  if (isBeforeAnything(crash.point) && !answers.some((answer) => answer !== undefined && answer.status < 300))
    answers.push(await insist(() => client, request));
  const look = () => verifyOutcome(site, client, { journey, slug, request, answers });
  let fault = await look();
  const recoverySeconds = (performance.now() - started) / 1000;
  if (struck.aftermath !== undefined) {
    await struck.aftermath();
    answers.push(await first);
    fault ??= await look();
  }
  return { fault, recoverySeconds };
}

/** Makes the company and brings it to where the operation begins, through a control plane that nothing strikes. */
async function prepare(
  site: Site,
  column: Column,
  { journey, slug }: { journey: Journey; slug: string },
): Promise<void> {
  const survivor = column.survivor(site);
  await survivor.ensureSound();
  const client = await site.signIn(survivor);
  if (journey.refused) await refuseOwners(site.eyes.db);
  for (const operation of journey.after) await complete(client, journeyOf(operation), slug);
}

async function complete(client: ChaosClient, journey: Journey, slug: string): Promise<void> {
  const { body, status } = await insist(() => client, { ...journey.request(slug), key: randomUUID() });
  const operation = body["operation"] as { readonly id: string } | undefined;
  if (operation === undefined) throw new Error(`${journey.operation} answered ${status}: ${JSON.stringify(body)}`);
  const look = () => ask<Pick<Tenant, "status">>(client, "GET", `/api/operations/${operation.id}`);
  const done = await waitUntil(async () => (await look().catch(() => undefined))?.status === "succeeded", 30);
  if (!done) throw new Error(`${journey.operation} of ${slug} did not succeed before anything was tried`);
}
