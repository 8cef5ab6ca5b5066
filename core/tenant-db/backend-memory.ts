/** How large a connection's server process has become by the tenants that it knows. */
import type { TenantConnection } from "./tenant-connection.ts";

/** As measured for a tenant of 25 tables all of whose tables were used. Used where the server does not say. */
const mbPerTenant = 0.32;
const question = `SELECT pg_catalog.sum(total_bytes)::float8 / 1048576 AS mb, pg_catalog.pg_backend_pid() AS pid
                    FROM pg_catalog.pg_get_backend_memory_contexts()`;

/**
 * How much of what is allowed it is: above 1 it is to make room for a fresh one. Behind a pooler another server process
 * answers each time: how old those become is the pooler's to say (PgBouncer: `server_lifetime`), so none is ever worn.
 */
export function createMemoryCheck(
  allowedMb: number,
): (connection: TenantConnection, tenants: number) => Promise<number> {
  let isTold = true;
  return async (connection, tenants) => {
    const estimated = (tenants * mbPerTenant) / allowedMb;
    if (!isTold) return estimated;
    try {
      const { rows } = await connection.query(question);
      const { mb, pid } = rows[0] as { mb: number; pid: number };
      return pid === (connection as { processID?: number }).processID ? mb / allowedMb : 0;
    } catch (error) {
      // 42501: only roles that may read all statistics are told. 42883: a server before PostgreSQL 14.
      if (!["42501", "42883"].includes(String((error as { code?: unknown }).code))) throw error;
      isTold = false;
      return estimated;
    }
  };
}
