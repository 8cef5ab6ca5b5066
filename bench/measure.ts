import { throwIfInterrupted } from "./interruption.ts";

/** Floor and call take turns, so that both meet the same noise. Milliseconds. */
export async function measureSerial(
  count: number,
  { floor, call, before }: { floor: () => Promise<void>; call: () => Promise<void>; before?: () => Promise<void> },
): Promise<{ floor: number[]; call: number[] }> {
  const times = { floor: [] as number[], call: [] as number[] };
  for (let i = 0; i < count; i += 1) {
    throwIfInterrupted();
    await before?.();
    times.floor.push(await timed(floor));
    times.call.push(await timed(call));
  }
  return times;
}

export async function timed(work: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}
