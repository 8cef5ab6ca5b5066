/**
 * The scoped database handle: every statement of a tenant runs in a transaction that starts with the tenant's role,
 * search path and identity. It lies in core because the runtime and the workers both serve tenants.
 */
import knexModule, { type Knex } from "knex";
import PostgresDialect from "knex/lib/dialects/postgres/index.js";
import pg from "pg";
import { connectionSettings, silentKnex } from "./db.ts";
import { extensionSchema, runtimeRole } from "./migrations/tenant-schema.ts";
import type { Secrets } from "./secrets.ts";
import { servicePassword } from "./service-roles.ts";
import { roleName, schemaName, type Tenant } from "./tenant.ts";

/** Lends a tenant's data to `work`. Commits when it resolves, rolls back when it throws. */
export type TenantDb = <T>(work: (db: Knex.Transaction) => Promise<T>) => Promise<T>;

export interface TenantPool {
  /** The handle of one tenant. Costs nothing until used. @throws `isServiceDown` errors when PostgreSQL is away. */
  forTenant(tenant: Pick<Tenant, "id" | "uuid">): TenantDb;
  close(): Promise<void>;
}

/** One pool for all tenants of a database cluster, logged in as a role with no rights of its own. */
export function openTenantPool(
  databaseUrl: string,
  secrets: Secrets,
  options: { name: string; max: number },
): TenantPool {
  const settings = connectionSettings(databaseUrl, {
    name: options.name,
    user: runtimeRole,
    password: servicePassword(secrets, runtimeRole),
  });
  const knex = knexModule({
    client: ScopedDialect as unknown as typeof Knex.Client,
    connection: settings as Knex.PgConnectionConfig,
    pool: { min: 0, max: options.max, idleTimeoutMillis: 30_000 },
    acquireConnectionTimeout: 10_000,
    log: silentKnex,
  });
  return {
    forTenant: (tenant) => {
      const scope = scopeStatements(tenant);
      return (work) =>
        knex.transaction(async (trx) => {
          await sendScope(trx, scope);
          return work(trx);
        });
    },
    close: () => knex.destroy(),
  };
}

/** `SET LOCAL` only: a session-level setting would leak to the next tenant behind a transaction-mode pooler. */
function scopeStatements({ id, uuid }: Pick<Tenant, "id" | "uuid">): string {
  return [
    `SET LOCAL ROLE ${pg.escapeIdentifier(roleName(id))}`,
    `SET LOCAL search_path TO ${pg.escapeIdentifier(schemaName(id))}, ${extensionSchema}`,
    `SET LOCAL statement_timeout TO '15s'`,
    `SET LOCAL idle_in_transaction_session_timeout TO '15s'`,
    `SET LOCAL app.current_tenant TO ${pg.escapeLiteral(uuid)}`,
  ].join(";");
}

/** One message of constant text; it goes around Knex because everything that comes through Knex is sent extended. */
async function sendScope(trx: Knex.Transaction, scope: string): Promise<void> {
  const connection = (await trx.client.acquireConnection()) as pg.Client;
  await connection.query(scope);
}

/**
 * Node-postgres sends a query without values in the simple protocol, where `select 1; select 2` runs both. Every query
 * object is sent extended, so that no text, however it was built, can stack a second statement.
 */
class ExtendedProtocolClient extends pg.Client {
  // oxlint-disable-next-line typescript/no-explicit-any -- node-postgres overloads this method eight ways
  override query(config: any, ...rest: any[]): any {
    if (typeof config === "object" && config !== null && typeof config.submit !== "function")
      config.queryMode = "extended";
    // oxlint-disable-next-line typescript/no-unsafe-argument
    return (super.query as (...all: unknown[]) => unknown).call(this, config, ...rest);
  }
}

class ScopedDialect extends PostgresDialect {
  _driver(): unknown {
    return { ...pg, Client: ExtendedProtocolClient };
  }
}
