import { setTimeout as sleep } from "node:timers/promises";

/** Asks until the answer is good. @throws Error with the last answer when the time is over. */
export async function until<T>(
  ask: () => Promise<T>,
  good: (value: T) => boolean,
  { seconds = 20, what = "it" } = {},
): Promise<T> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const value = await ask();
    if (good(value)) return value;
    if (Date.now() > deadline)
      throw new Error(`${what} did not happen in ${seconds} s; last: ${JSON.stringify(value)?.slice(0, 600)}`);
    await sleep(50);
  }
}
