import { createLogger } from "../core/logger.ts";
import { createShutdown, type Shutdown } from "../core/shutdown.ts";

/** Runs the work and then closes what it registered, in reverse order, also when it throws. */
export async function withShutdown<T>(work: (shutdown: Shutdown) => Promise<T>): Promise<T> {
  const shutdown = createShutdown(createLogger("bench", "warn"));
  try {
    return await work(shutdown);
  } finally {
    await shutdown.run("the benchmark ends");
  }
}
