import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import type { FleetContext } from "../../control-plane/fleet/fleet-context.ts";
import type { Config } from "../../core/config.ts";
import { openDatabase } from "../../core/db.ts";
import { createLogger } from "../../core/logger.ts";
import { pendingMigrations } from "../../core/migrations/run.ts";
import { scriptConfig } from "../script-config.ts";

/** One word behind `npm run migrate --`. */
export interface Command {
  /** Its line in the list of commands: what is typed, and what it does. */
  readonly usage: string;
  readonly about: string;
  /** What `--help` behind the word says besides. */
  readonly details?: string;
  /** Reads its arguments at once; what it throws is a wrong argument. Answers the work, which ends with an exit code. */
  read(args: string[]): () => Promise<number>;
}

/**
 * 0 done; 1 it failed, or some tenants did, or drifted; 2 wrong arguments; 3 something is behind; 4 the run is paused, or
 * was handed over; 5 another run is open.
 */
export const exitCodes = { done: 0, failed: 1, usage: 2, pending: 3, paused: 4, open: 5 } as const;

export const say = (line: string): void => void process.stdout.write(`${line}\n`);
export const sayJson = (value: unknown): void => say(JSON.stringify(value));

/** An argument that is not understood. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** @throws UsageError when there are more words than that. */
export function refuseMore(words: readonly string[], most: number): void {
  const extra = words[most];
  if (extra !== undefined) throw new UsageError(`'${extra}' is not understood`);
}

export async function withConfig<T>(work: (url: string, config: Config) => Promise<T>): Promise<T> {
  const config = await scriptConfig();
  return work(config.DATABASE_URL ?? "", config);
}

/** Lends what runs need, as a process of its own name, and closes it. */
export function withFleet<T>(work: (ctx: FleetContext) => Promise<T>): Promise<T> {
  return withConfig(async (databaseUrl, config) => {
    const db = openDatabase(databaseUrl, { name: "run-migrations", max: 4 });
    const log = createLogger("migrate", process.env["LOG_LEVEL"] === undefined ? "warn" : config.LOG_LEVEL);
    const instance = `cli:${hostname()}:${process.pid}:${randomUUID().slice(0, 8)}`;
    try {
      return await work({ db, databaseUrl, log, instance, config });
    } finally {
      await db.destroy();
    }
  });
}

/** @throws Error when the registry is behind this release: what is asked of it may not be there yet. */
export async function requireRegistry({ db }: Pick<FleetContext, "db">): Promise<void> {
  if ((await pendingMigrations(db, "public", "public")).length === 0) return;
  throw new Error("the registry is behind this release: npm run migrate -- public");
}
