/** Ctrl-C and its like end a benchmark in order: it finishes the step it is at, then its servers stop and its folders go. */

let isAsked = false;

/** A signal asked the benchmark to end. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
}

/** From now on SIGINT, SIGTERM and SIGHUP no longer end the process: `throwIfInterrupted` throws after them. */
export function stopInOrderOnSignals(): void {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.on(signal, () => {
      if (!isAsked) process.stderr.write("· stopping: the step under way ends first\n");
      isAsked = true;
    });
  // A terminal that is closed takes no more lines; that must not end the process before its servers.
  for (const output of [process.stdout, process.stderr]) output.on("error", () => undefined);
}

export const isInterrupted = (): boolean => isAsked;

/** Benchmarks call it before each step, so that each `finally` runs while what it closes is still there. */
export function throwIfInterrupted(): void {
  if (isAsked) throw new Interrupted("interrupted");
}
