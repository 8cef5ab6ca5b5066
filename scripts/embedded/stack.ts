/** The servers that the configuration does not name, brought up together. */
import { resolve } from "node:path";
import type { Config } from "../../core/config.ts";
import { startPostgres } from "./postgres.ts";
import type { EmbeddedPostgres } from "./postgres.ts";
import { startRedis } from "./redis.ts";
import type { EmbeddedRedis } from "./redis.ts";
import { holdDataDir } from "./supervisor-lock.ts";

export type StackOptions = {
  dataDir: string;
  config: Pick<Config, "DATABASE_URL" | "REDIS_URL">;
  onProgress?: ((message: string) => void) | undefined;
  /** False only in tests: see PostgresOptions. */
  durable?: boolean | undefined;
  /** Every line of the servers' own logs. */
  onLog?: ((server: ServerName, line: string) => void) | undefined;
  /** A server ended and nobody had asked it to. `start()` on it brings it back. */
  onExit?: ((server: ServerName, how: string) => void) | undefined;
};

export type ServerName = "postgres" | "redis";

export type Servers = {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  /** Only when embedded. */
  readonly postgres?: EmbeddedPostgres;
  readonly redis?: EmbeddedRedis;
  /** Stops the embedded ones and gives the DATA_DIR free. Again is harmless. */
  stop(): Promise<void>;
};

/**
 * Holds the DATA_DIR and starts what is missing, all or nothing.
 * @throws Error naming the pid of the supervisor that holds the DATA_DIR already.
 */
export async function startServers(options: StackOptions): Promise<Servers> {
  const dataDir = resolve(options.dataDir);
  const release = await holdDataDir(dataDir);
  const { DATABASE_URL, REDIS_URL } = options.config;
  const [postgres, redis] = await Promise.allSettled([
    DATABASE_URL ? undefined : bringUpPostgres(dataDir, options),
    REDIS_URL ? undefined : bringUpRedis(dataDir, options),
  ]);
  const running = [postgres, redis].flatMap((result) =>
    result.status === "fulfilled" && result.value ? [result.value] : [],
  );
  const stop = async () => {
    await Promise.all(running.map((server) => server.stop()));
    await release();
  };
  if (postgres.status === "rejected" || redis.status === "rejected") {
    await stop();
    throw postgres.status === "rejected" ? postgres.reason : (redis as PromiseRejectedResult).reason;
  }
  return {
    databaseUrl: DATABASE_URL ?? postgres.value?.url ?? "",
    redisUrl: REDIS_URL ?? redis.value?.url ?? "",
    ...(postgres.value && { postgres: postgres.value }),
    ...(redis.value && { redis: redis.value }),
    stop,
  };
}

function bringUpPostgres(
  dataDir: string,
  { durable, onProgress, onLog, onExit }: StackOptions,
): Promise<EmbeddedPostgres> {
  onProgress?.("starting PostgreSQL");
  return startPostgres({
    dataDir,
    durable,
    onProgress,
    onLog: (line) => onLog?.("postgres", line),
    onExit: (how) => onExit?.("postgres", how),
  });
}

function bringUpRedis(dataDir: string, { durable, onProgress, onLog, onExit }: StackOptions): Promise<EmbeddedRedis> {
  onProgress?.("starting Redis");
  return startRedis({
    dataDir,
    durable,
    onProgress,
    onLog: (line) => onLog?.("redis", line),
    onExit: (how) => onExit?.("redis", how),
  });
}
