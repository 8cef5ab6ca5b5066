/**
 * The whole `POST /api/tenants/provision` call against its floor: the same tenant DDL sent by node-postgres as one
 * batch in one transaction to the same server, with no role, no registry, no Redis, no certificate.
 */
import pg from "pg";
import { compiledMigrations } from "../core/migrations/compile.ts";
import { withStack } from "./bench-stack.ts";
import { isInterrupted, throwIfInterrupted } from "./interruption.ts";
import { measureSerial, timed } from "./measure.ts";
import { percentile, type BenchResult } from "./report.ts";
import { warmPoolBench } from "./warm-pool.ts";

const atOnce = 4;

export async function provisionBench({ count = 40 }: { count: number | undefined }): Promise<BenchResult> {
  return withStack(async (stack, token) => {
    const clients = await Promise.all(Array.from({ length: atOnce }, () => connect(stack.connection.databaseUrl)));
    const floor = await createFloor();
    const call = createCaller(stack.connection.controlPlaneUrl, token);
    const [client] = clients as [pg.Client];
    for (let i = 0; i < 3; i += 1) {
      await floor(client);
      await call();
    }
    const serial = await measureSerial(count, { floor: () => floor(client), call });
    const parallel = await measureParallel(count, (slot) => floor(clients[slot] as pg.Client), call);
    const warm = await warmPoolBench(stack, count, { floor: () => floor(client), call });
    await Promise.all(clients.map((one) => one.end()));
    return {
      bench: "provision",
      ratios: {
        p50: percentile(serial.call, 0.5) / percentile(serial.floor, 0.5),
        p90: percentile(serial.call, 0.9) / percentile(serial.floor, 0.9),
        throughput4: parallel.callPerSecond / parallel.floorPerSecond,
        ...warm.ratios,
      },
      figures: {
        floorP50Ms: percentile(serial.floor, 0.5),
        floorP90Ms: percentile(serial.floor, 0.9),
        callP50Ms: percentile(serial.call, 0.5),
        callP90Ms: percentile(serial.call, 0.9),
        floorPerSecond4: parallel.floorPerSecond,
        callPerSecond4: parallel.callPerSecond,
        calls: serial.call.length + parallel.calls,
        ...warm.figures,
      },
    };
  });
}

/** Rounds of 4 workers with 4 each, floor and call taking turns. */
async function measureParallel(count: number, floor: (slot: number) => Promise<void>, call: () => Promise<void>) {
  const rounds = Math.max(1, Math.round(count / 16));
  const inRound = atOnce * 4;
  const totals = { floor: 0, call: 0 };
  const run = (work: (slot: number) => Promise<void>) =>
    timed(async () => {
      const slots = Array.from({ length: atOnce }, async (_, slot) => {
        for (let i = 0; i < inRound / atOnce && !isInterrupted(); i += 1) await work(slot);
      });
      await Promise.all(slots);
    });
  for (let round = 0; round < rounds; round += 1) {
    totals.floor += await run(floor);
    totals.call += await run(call);
    throwIfInterrupted();
  }
  const perSecond = (ms: number) => (rounds * inRound * 1000) / ms;
  return { floorPerSecond: perSecond(totals.floor), callPerSecond: perSecond(totals.call), calls: rounds * inRound };
}

/** The tables of a tenant and nothing else: create schema and the compiled DDL. */
async function createFloor(): Promise<(client: pg.Client) => Promise<void>> {
  const ddl = (await compiledMigrations("tenant")).flatMap(({ statements }) => statements);
  let number = 0;
  return async (client) => {
    number += 1;
    const schema = `floor_${number}`;
    const statements = ["BEGIN", `CREATE SCHEMA ${schema}`, `SET LOCAL search_path TO ${schema}`, ...ddl, "COMMIT"];
    await client.query(statements.join(";\n"));
  };
}

/** Returns a call that provisions one more company and throws unless it is served at once. */
export function createCaller(url: string, token: string): () => Promise<void> {
  const run = Date.now().toString(36);
  let number = 0;
  return async () => {
    number += 1;
    const body = {
      name: `Bench ${run} ${number}`,
      domain: `b${number}.${run}.example.com`,
      plan: "basic",
      slug: `b-${run}-${number}`,
    };
    const answer = await fetch(`${url}/api/tenants/provision`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}` },
      body: JSON.stringify(body),
    });
    const text = await answer.text();
    // A 202 would be a company that cannot be served yet: not what is measured.
    if (answer.status !== 201) throw new Error(`expected 201, got ${answer.status}: ${text.slice(0, 300)}`);
  };
}

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  // An interrupted benchmark stops the server under it.
  client.on("error", () => undefined);
  await client.connect();
  return client;
}
