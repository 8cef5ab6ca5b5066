import type { Logger } from "../core/logger.ts";

export interface Repeated {
  /** Runs now, or once more right after the run that is under way. */
  now(): void;
  /** Waits for the run that is under way. */
  stop(): Promise<void>;
}

/** Repeats `act`, one at a time; failures are logged and do not end it. */
export function every(
  log: Logger,
  name: string,
  { ms, act, now = false }: { ms: number; act: () => Promise<void>; now?: boolean },
): Repeated {
  let running: Promise<void> | undefined;
  let again = false;
  const run = async () => {
    do {
      again = false;
      await act().catch((error: unknown) => log.warn({ err: error }, `${name} failed; it comes again`));
    } while (again);
    running = undefined;
  };
  const start = () => {
    if (running === undefined) running = run();
    else again = true;
  };
  const timer = setInterval(() => void (running ?? start()), ms);
  if (now) start();
  return {
    now: start,
    async stop() {
      clearInterval(timer);
      again = false;
      await running;
    },
  };
}
