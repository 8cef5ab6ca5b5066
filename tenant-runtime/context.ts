import type { Config } from "../core/config.ts";
import type { Knex } from "../core/db.ts";
import type { Isolation } from "../core/isolation/probe.ts";
import type { Logger } from "../core/logger.ts";
import type { AnswerCounts } from "../core/answer-counts.ts";
import type { Redis } from "../core/redis.ts";
import type { Secrets } from "../core/secrets.ts";
import type { TenantPool } from "../core/tenant-db/tenant-pool.ts";
import type { TokenService } from "../core/tokens.ts";
import type { UsageMeter } from "../core/usage/usage-meter.ts";
import type { RegistryCache } from "./resolution/registry-cache.ts";
import type { RegistryListener } from "../core/registry-listener.ts";
import type { FleetShare } from "./limits/fleet-share.ts";
import type { RequestTenant } from "./request-tenant.ts";
import type { ReplyOrders } from "./modules/chat/reply-orders.ts";
import type { TenantEvents } from "./tenant-events.ts";
import type { Touches } from "./touches.ts";

/** What it takes to serve a tenant in any Express app: the runtime's own, or one that imports this as a library. */
export interface TenancyContext {
  readonly config: Config;
  readonly log: Logger;
  readonly secrets: Secrets;
  readonly redis: Redis;
  /** The registry, as a role that only reads it and is a member of no tenant. */
  readonly registry: Knex;
  readonly tenantPool: TenantPool;
  /** What the start-up probe found. */
  readonly isolation: Isolation;
  readonly listener: RegistryListener;
  /** Exact host name → tenant. */
  readonly tenants: RegistryCache<RequestTenant>;
  readonly tokens: TokenService;
  readonly usage: UsageMeter;
  readonly fleetShare: FleetShare;
  /** How this process's requests ended; told with every heartbeat. */
  readonly answers: AnswerCounts;
  readonly touches: Touches;
}

/** What the runtime's functions are given first. It holds no connection of the platform's owner role. */
export interface RuntimeContext extends TenancyContext {
  readonly events: TenantEvents;
  readonly replyOrders: ReplyOrders;
}
