/**
 * Connections of companies that log in as themselves: few for each, open for the companies that were served last. Behind
 * such a login there is no role to switch to, so that whoever controls a whole statement still reaches one company only.
 */
import { LRUCache } from "lru-cache";
import { AppError } from "../errors.ts";
import type { TenantConnection } from "./tenant-connection.ts";
import type { TenantConnections } from "./tenant-connections.ts";

export interface DedicatedPoolsOptions {
  /** Pools that are open at once; the one that was used longest ago makes room, when nobody uses it any more. */
  readonly max: number;
  readonly open: (tenant: number) => TenantConnections;
}

export interface DedicatedPools {
  /** Lends from the tenant's pool, which is opened when it is needed: costs nothing until then. */
  connectionsOf(tenant: number): TenantConnections;
  /** Tenants with an open pool, the last one used first. */
  tenants(): number[];
  close(): Promise<void>;
}

interface Pool {
  readonly connections: TenantConnections;
  /** Who holds a connection of it, or waits for one. */
  users: number;
  isEvicted: boolean;
}

export function createDedicatedPools({ max, open }: DedicatedPoolsOptions): DedicatedPools {
  const all = new Set<Pool>();
  const evict = (pool: Pool) => {
    pool.isEvicted = true;
    if (pool.users > 0) return;
    all.delete(pool);
    void pool.connections.close();
  };
  const pools = new LRUCache<number, Pool>({ max, dispose: evict });
  const lenders = new WeakMap<TenantConnection, Pool>();
  const leave = (pool: Pool) => {
    pool.users -= 1;
    if (pool.isEvicted) evict(pool);
  };
  const enter = (tenant: number): Pool => {
    const pool = pools.get(tenant) ?? { connections: open(tenant), users: 0, isEvicted: false };
    pool.users += 1;
    if (!all.has(pool)) pools.set(tenant, pool);
    all.add(pool);
    return pool;
  };
  const close = async () => void (await Promise.all([...all].map(({ connections }) => connections.close())));
  return {
    tenants: () => [...pools.keys()],
    close,
    connectionsOf: (tenant) => ({
      async run(scope, statement) {
        const pool = enter(tenant);
        try {
          return await pool.connections.run(scope, statement);
        } catch (error) {
          throw loginRefused(error) ?? error;
        } finally {
          leave(pool);
        }
      },
      async lend(scope) {
        const pool = enter(tenant);
        try {
          const connection = await pool.connections.lend(scope);
          lenders.set(connection, pool);
          return connection;
        } catch (error) {
          leave(pool);
          throw loginRefused(error) ?? error;
        }
      },
      takeBack(connection) {
        const pool = lenders.get(connection);
        if (pool === undefined || !lenders.delete(connection)) return;
        pool.connections.takeBack(connection);
        leave(pool);
      },
      lost: (connection) => lenders.get(connection)?.connections.lost(connection),
      close,
    }),
  };
}

/** The plan has changed a moment ago, and the control plane is at the role. */
function loginRefused(error: unknown): AppError | undefined {
  const { code } = error as { code?: unknown };
  if (code !== "28P01" && code !== "28000") return undefined;
  const detail = "The company's own database login is being set up. Try again in a moment.";
  return new AppError("service-unavailable", detail, { retryAfterSeconds: 2, cause: error });
}
