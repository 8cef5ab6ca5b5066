import type { Logger } from "./logger.ts";

export interface Shutdown {
  /** Registers what to close; closed in reverse order of registration. */
  add(name: string, close: () => unknown): void;
  /** Closes everything once; later calls wait for the first. One that fails is logged and does not stop the others. */
  run(reason: string): Promise<void>;
}

export function createShutdown(log: Logger): Shutdown {
  const closers: { name: string; close: () => unknown }[] = [];
  let running: Promise<void> | undefined;
  const closeAll = async (reason: string) => {
    log.info({ reason }, "stopping");
    for (const { name, close } of closers.toReversed()) {
      log.debug({ what: name }, "closing");
      try {
        await close();
      } catch (error) {
        log.warn({ err: error, what: name }, "did not close cleanly");
      }
    }
  };
  return {
    add: (name, close) => void closers.push({ name, close }),
    run: (reason) => (running ??= closeAll(reason)),
  };
}

/**
 * Ends the process in order on SIGTERM, SIGINT, and when the supervisor that started it is gone (IPC disconnect):
 * a supervisor that was killed leaves no program behind.
 */
export function stopOnSignals(shutdown: Shutdown, log: Logger): void {
  const stop = (reason: string) => {
    const hardStop = setTimeout(() => process.exit(1), 12_000);
    hardStop.unref();
    void shutdown.run(reason).then(() => {
      log.flush();
      process.exit(0);
    });
  };
  process.once("SIGTERM", () => stop("SIGTERM"));
  process.once("SIGINT", () => stop("SIGINT"));
  if (process.connected) process.once("disconnect", () => stop("supervisor gone"));
}
