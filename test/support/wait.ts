import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";

const firstPauseMs = 25;
const longestPauseMs = 200;

/**
 * Asks until the answer is good, less often the longer it takes: a question costs processor time, which what is waited
 * for needs. @throws Error with the last answer when the time is over. */
export async function until<T>(
  ask: () => Promise<T>,
  good: (value: T) => boolean,
  { seconds = 20, what = "it" } = {},
): Promise<T> {
  const deadline = Date.now() + seconds * 1000;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 1.3, longestPauseMs)) {
    const value = await ask();
    if (good(value)) return value;
    if (Date.now() > deadline)
      throw new Error(`${what} did not happen in ${seconds} s; last: ${JSON.stringify(value)?.slice(0, 600)}`);
    await sleep(pauseMs);
  }
}

/**
 * Returns what `wanted` resolves to, while the work that leads to it is watched: a test that awaited `wanted` alone would
 * hang until its timeout when the work fails, or ends without coming by.
 * @throws Error that says what was awaited and how the work ended.
 */
export function unlessEnded<T>(wanted: Promise<T>, work: Promise<unknown>, what: string): Promise<T> {
  const ended = work.then(
    (value) => {
      throw new Error(`${what} did not happen: the work ended first with ${JSON.stringify(value)}`);
    },
    (error: unknown) => {
      throw new Error(`${what} did not happen: the work failed first: ${String(error)}`, { cause: error });
    },
  );
  return Promise.race([wanted, ended]);
}

/** Returns the next message of a child over IPC. @throws Error when the child ends instead. */
export async function nextMessage<T>(child: ChildProcess, what: string): Promise<T> {
  const listening = new AbortController();
  const { signal } = listening;
  try {
    const message = once(child, "message", { signal }) as Promise<[T]>;
    const [first] = await unlessEnded(message, once(child, "exit", { signal }), what);
    return first;
  } finally {
    listening.abort();
  }
}
