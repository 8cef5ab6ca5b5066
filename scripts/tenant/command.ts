import { userInfo } from "node:os";
import type { ControlContext } from "../../control-plane/context.ts";
import { openContext } from "../../control-plane/open-context.ts";
import { createLogger } from "../../core/logger.ts";
import { pendingMigrations } from "../../core/migrations/run.ts";
import { createShutdown } from "../../core/shutdown.ts";
import { scriptConfig } from "../script-config.ts";

/** One word behind `npm run tenant --`. */
export interface Command {
  /** Its lines in the help text. */
  readonly help: string;
  /** Reads its arguments at once; what it throws is a wrong argument. Answers the work, which ends with an exit code. */
  read(args: string[]): () => Promise<number>;
}

/** 0 done, 1 it failed, 2 wrong arguments, 4 the file is damaged or no archive. */
export const exitCodes = { done: 0, failed: 1, usage: 2, damaged: 4 } as const;

/**
 * Lends what the control plane works with, on the running servers, and closes it. Nothing is set up or migrated.
 * @throws Error when the registry is behind this release.
 */
export async function withControl<T>(work: (ctx: ControlContext) => Promise<T>): Promise<T> {
  const config = await scriptConfig();
  const log = createLogger("tenant", process.env["LOG_LEVEL"] === undefined ? "warn" : config.LOG_LEVEL);
  const shutdown = createShutdown(log);
  try {
    const ctx = await openContext({ ...config, DB_POOL_MAX: 3 }, log, shutdown);
    const pending = await pendingMigrations(ctx.db, "public", "public");
    if (pending.length > 0) throw new Error("the registry is behind this release: npm run migrate -- public");
    return await work(ctx);
  } finally {
    await shutdown.run("done");
  }
}

/** Who runs the command, for the audit log. */
export function commandActor(): string {
  try {
    return `cli:${userInfo().username}`;
  } catch {
    // An account without an entry, as in a container.
    return `cli:uid-${process.getuid?.() ?? "unknown"}`;
  }
}
