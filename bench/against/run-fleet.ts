/** One migration run, asked for over a control plane's API. */
import { setTimeout as sleep } from "node:timers/promises";
import { throwIfInterrupted } from "../interruption.ts";
import type { Release } from "./start-release.ts";

const concurrency = 4;
const lookEveryMs = 250;

/** What of a run's JSON is needed. */
interface Run {
  readonly id: string;
  readonly status: string;
  readonly done: number;
  readonly finishedAt: string | null;
  readonly waves: readonly { readonly startedAt: string | null }[];
}

/**
 * Returns the milliseconds of planning, as the call takes them, and from the beginning of the first wave to the run's
 * end. The wait between these, until the control plane next looks for runs, is left out: it is chance.
 */
export async function runFleet(release: Release, { to, tenants }: { to: string; tenants: number }): Promise<number> {
  const asked = performance.now();
  const { id } = await call(release, "/api/migration-runs", { to, concurrency });
  const planned = performance.now() - asked;
  let run = await call(release, `/api/migration-runs/${id}`);
  while (run.status === "running") {
    throwIfInterrupted();
    await sleep(lookEveryMs);
    run = await call(release, `/api/migration-runs/${id}`);
  }
  if (run.status !== "succeeded" || run.done !== tenants)
    throw new Error(`the run to ${to} ${run.status} with ${run.done} of ${tenants} tenants done`);
  const starts = run.waves.flatMap(({ startedAt }) => (startedAt === null ? [] : [Date.parse(startedAt)]));
  return planned + Date.parse(run.finishedAt ?? "") - Math.min(...starts);
}

async function call({ controlPlaneUrl, token }: Release, path: string, body?: object): Promise<Run> {
  const answer = await fetch(`${controlPlaneUrl}${path}`, {
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}` },
    ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${text.slice(0, 300)}`);
  return JSON.parse(text) as Run;
}
