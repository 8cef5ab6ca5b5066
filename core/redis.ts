import { Redis, type RedisOptions } from "ioredis";
import type { Logger } from "./logger.ts";

export type { Redis } from "ioredis";

const failSoon: RedisOptions = {
  maxRetriesPerRequest: 1,
  commandTimeout: 5_000,
  connectTimeout: 3_000,
  retryStrategy: (attempt: number) => Math.min(50 * attempt, 1_000),
};

/**
 * A connection for commands that must answer or fail soon: no command waits for a lost server longer than one
 * reconnection. It keeps reconnecting in the background. Losses are logged once, not at every attempt.
 */
export function openRedis(url: string, log: Logger, options: RedisOptions = {}): Redis {
  const redis = new Redis(url, { ...failSoon, ...options, replyMapping: "legacy" });
  let down = false;
  redis.on("error", (error: Error) => {
    if (!down) log.warn({ err: error }, "redis does not answer");
    down = true;
  });
  redis.on("ready", () => {
    if (down) log.info("redis answers again");
    down = false;
  });
  return redis;
}

/** The same server as another user. */
export function redisUrlFor(url: string, username: string, password: string): string {
  const parsed = new URL(url);
  parsed.username = username;
  parsed.password = password;
  return parsed.toString();
}

/** `redis://127.0.0.1:6379` without user and password, for answers and pages. */
export function publicRedisUrl(url: string): string {
  const parsed = new URL(url);
  parsed.username = "";
  parsed.password = "";
  return parsed.toString();
}

/** Runs a pipeline and throws the first error that any of its commands answered. */
export async function execAll(pipeline: ReturnType<Redis["pipeline"]>): Promise<unknown[]> {
  const replies = (await pipeline.exec()) ?? [];
  return replies.map(([error, value]) => {
    if (error) throw error;
    return value;
  });
}
