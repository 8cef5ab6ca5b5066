/** What one company notices of another that is flooded: its p95 while the other takes all that it is given. */
import { Agent, get } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { throwIfInterrupted } from "../interruption.ts";
import { percentile } from "../report.ts";
import type { App } from "./app-process.ts";
import { customerId, hostOf, type Fleet } from "./fleet.ts";
import type { Load, Measured } from "./wrk.ts";

const flooded = 1;
const victim = 2;
const perSecond = 50;
const seconds = 5;

/** The flooded company is on the plan `premium` as it is sold; quiet and flooded times take turns. */
export async function measureFlood(fleet: Fleet, app: App, rounds: number, load: (what: Load) => Promise<Measured>) {
  const setPlan = (code: string) =>
    fleet.owner.query(
      "UPDATE subscriptions SET plan_id = (SELECT id FROM plans WHERE code = $2) WHERE company_id = $1",
      [flooded, code],
    );
  await setPlan("premium");
  const flood = () =>
    load({ url: `${app.url}/customers/${customerId}`, tenants: flooded, connections: 64, seconds: seconds + 1 });
  const times = { quiet: [] as number[], flooded: [] as number[] };
  let requests = 0;
  for (let round = 0; round < rounds; round += 1) {
    throwIfInterrupted();
    times.quiet.push(percentile(await askSteadily(app), 0.95));
    const flooding = flood();
    await sleep(500);
    times.flooded.push(percentile(await askSteadily(app), 0.95));
    requests += (await flooding).perSecond;
  }
  await setPlan("enterprise");
  const middle = (values: readonly number[]) => percentile(values, 0.5);
  return {
    ratio: middle(times.flooded.map((ms, round) => ms / (times.quiet[round] ?? Number.NaN))),
    quietP95Ms: middle(times.quiet),
    floodPerSecond: requests / rounds,
  };
}

/** Milliseconds of requests that begin at a steady pace, whether or not those before have ended. */
async function askSteadily(app: App): Promise<number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  const running: Promise<number>[] = [];
  for (let i = 0; i < perSecond * seconds; i += 1) {
    running.push(askOnce(app, agent));
    await sleep(1000 / perSecond);
  }
  const times = await Promise.all(running);
  agent.destroy();
  return times;
}

function askOnce(app: App, agent: Agent): Promise<number> {
  const started = performance.now();
  return new Promise((resolve, reject) => {
    const headers = { Host: hostOf(victim) };
    get(`${app.url}/customers/${customerId}`, { agent, headers }, (answer) => {
      if (answer.statusCode !== 200) reject(new Error(`the quiet company was answered ${answer.statusCode}`));
      answer.resume().once("end", () => resolve(performance.now() - started));
    }).once("error", reject);
  });
}
