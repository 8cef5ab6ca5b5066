import type { Config } from "./config.ts";
import type { Knex } from "./db.ts";
import type { Logger } from "./logger.ts";
import type { Redis } from "./redis.ts";
import type { Secrets } from "./secrets.ts";

/** What functions are given first. In a transaction: `{ ...ctx, db: trx }`, the same functions. */
export interface Context {
  readonly config: Config;
  readonly db: Knex;
  readonly redis: Redis;
  /** For BullMQ: its scripts become commands of the connection, and every pipeline on it would carry them. */
  readonly queues: Redis;
  readonly secrets: Secrets;
  readonly log: Logger;
}
