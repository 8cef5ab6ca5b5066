/**
 * The same call where the control plane keeps schemas ready: with the pool full before each call, and with three times
 * as many calls as spares, one right after the other, while the pool is refilled. The floor is the same as without a pool.
 */
import pg from "pg";
import { setTimeout as sleep } from "node:timers/promises";
import type { Stack } from "../scripts/stack.ts";
import { throwIfInterrupted } from "./interruption.ts";
import { measureSerial, timed } from "./measure.ts";
import { percentile, type BenchResult } from "./report.ts";

const spares = 8;

/** Starts the control plane again with a pool; it stays so. */
export async function warmPoolBench(
  stack: Stack,
  count: number,
  { floor, call }: { floor: () => Promise<void>; call: () => Promise<void> },
): Promise<Pick<BenchResult, "ratios" | "figures">> {
  await stack.program("control-plane").stop();
  await stack.startAgain("control-plane", { WARM_TENANTS: String(spares) });
  const client = new pg.Client({ connectionString: stack.connection.databaseUrl });
  await client.connect();
  try {
    const full = () => waitUntilFull(client);
    for (let i = 0; i < 3; i += 1) {
      await full();
      await call();
    }
    const serial = await measureSerial(count, { floor, call, before: full });
    await full();
    const before = await countWarm(stack);
    const busy: number[] = [];
    for (let i = 0; i < 3 * spares; i += 1) {
      throwIfInterrupted();
      busy.push(await timed(call));
    }
    const warm = (await countWarm(stack)) - before;
    const floorP50 = percentile(serial.floor, 0.5);
    return {
      ratios: {
        warmP50: percentile(serial.call, 0.5) / floorP50,
        warmP90: percentile(serial.call, 0.9) / percentile(serial.floor, 0.9),
        warmBusyP50: percentile(busy, 0.5) / floorP50,
      },
      figures: {
        warmFloorP50Ms: floorP50,
        warmCallP50Ms: percentile(serial.call, 0.5),
        warmCallP90Ms: percentile(serial.call, 0.9),
        warmBusyCallP50Ms: percentile(busy, 0.5),
        warmBusyCallP90Ms: percentile(busy, 0.9),
        warmBusyCallMeanMs: busy.reduce((sum, ms) => sum + ms, 0) / busy.length,
        /** Calls of the burst that found a spare. */
        warmBusyShare: warm / busy.length,
      },
    };
  } finally {
    await client.end();
  }
}

async function waitUntilFull(client: pg.Client): Promise<void> {
  for (;;) {
    throwIfInterrupted();
    const { rows } = await client.query<{ ok: boolean }>("SELECT count(*) >= $1 AS ok FROM spare_tenants", [spares]);
    if (rows[0]?.ok) return;
    await sleep(50);
  }
}

async function countWarm(stack: Stack): Promise<number> {
  const text = await (await fetch(`${stack.connection.controlPlaneUrl}/metrics`)).text();
  return Number(/^secretaria_provisions_total\{source="warm"\} (\d+)$/m.exec(text)?.[1]);
}
