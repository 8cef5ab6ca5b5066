import type { Config } from "./config.ts";
import { loadConfig } from "./config.ts";
import { useTenantMigrations } from "./migrations/folders.ts";
import { createLogger, type Logger } from "./logger.ts";
import { createShutdown, stopOnSignals, type Shutdown } from "./shutdown.ts";

/**
 * Runs one program: configuration, logger, signals, and the word to a supervisor that it is ready. A program that
 * cannot start closes what it had opened, says why in one line and exits with 1.
 */
export async function runProgram(
  name: string,
  start: (config: Config, log: Logger, shutdown: Shutdown) => Promise<Record<string, unknown>>,
): Promise<void> {
  const config = loadConfig(process.env);
  useTenantMigrations(config.TENANT_MIGRATIONS);
  const log = createLogger(name, config.LOG_LEVEL);
  const shutdown = createShutdown(log);
  stopOnSignals(shutdown, log);
  try {
    const ready = await start(config, log, shutdown);
    process.send?.({ type: "ready", ...ready });
  } catch (error) {
    log.fatal({ err: error }, "could not start");
    await shutdown.run("failed start");
    process.exit(1);
  }
}
