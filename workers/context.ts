import type { Config } from "../core/config.ts";
import type { Knex } from "../core/db.ts";
import type { Logger } from "../core/logger.ts";
import type { RegistryListener } from "../core/registry-listener.ts";
import type { Redis } from "../core/redis.ts";
import type { Secrets } from "../core/secrets.ts";
import type { UsageMeter } from "../core/usage/usage-meter.ts";
import type { TenantHandle, TenantPool } from "../core/tenant-db/tenant-pool.ts";

/** What runs workers is given first. It reads the registry and has no rights on any tenant by itself. */
export interface WorkersContext {
  readonly config: Config;
  readonly registry: Knex;
  readonly tenants: TenantPool;
  /** Tells of companies that changed. */
  readonly listener: RegistryListener;
  /** As the platform; a tenant's jobs never get this one. */
  readonly redis: Redis;
  readonly redisUrl: string;
  readonly secrets: Secrets;
  readonly usage: UsageMeter;
  readonly log: Logger;
}

/** The company a worker works for. */
export interface WorkerTenant {
  readonly id: number;
  readonly uuid: string;
  readonly slug: string;
  readonly name: string;
}

/** What a job is given: one tenant's data and Redis user, nothing of another's. */
export interface JobContext extends TenantHandle {
  readonly tenant: WorkerTenant;
  readonly redis: Redis;
  readonly log: Logger;
}
