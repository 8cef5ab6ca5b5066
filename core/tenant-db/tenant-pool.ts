/**
 * The scoped database handle: every statement of a tenant runs in a transaction that starts with the tenant's role,
 * search path and identity. It lies in core because the runtime and the workers both serve tenants.
 */
import knexModule, { type Knex } from "knex";
import pg from "pg";
import { connectionSettings, silentKnex } from "../db.ts";
import { extensionSchema, runtimeRole } from "../migrations/tenant-schema.ts";
import type { PlanTerms } from "../plan-terms.ts";
import type { Secrets } from "../secrets.ts";
import { servicePassword, serviceTimeoutMs } from "../service-roles.ts";
import type { TenantConnection } from "./tenant-connection.ts";
import { createTenantConnections } from "./tenant-connections.ts";
import { TenantDialect, type Scope } from "./tenant-dialect.ts";
import { roleName, schemaName, type Tenant } from "../tenant.ts";

/** A tenant's data, and no other tenant's. Both throw `isServiceDown` errors when PostgreSQL is away. */
export interface TenantHandle {
  /** Knex. Each statement is a transaction of its own and one round trip; it may be committed though its answer got lost. */
  readonly db: Knex;
  /** For several statements. Commits when `work` resolves, rolls back when it throws; nested ones are savepoints. */
  readonly transaction: <T>(work: (db: Knex.Transaction) => Promise<T>) => Promise<T>;
}

export interface TenantPool {
  /** The handle of one tenant, on its plan's terms. Costs nothing until used. */
  forTenant(tenant: TenantIdentity, terms?: TenantTerms): TenantHandle;
  close(): Promise<void>;
}

/** `names`: only for the scratch tenants of the isolation probe, which are no companies. */
export type TenantIdentity = Pick<Tenant, "id" | "uuid"> & {
  readonly names?: { readonly role: string; readonly schema: string };
};

export type TenantTerms = Partial<Pick<PlanTerms, "statementTimeoutMs" | "databaseConnections">>;

export interface TenantPoolOptions {
  /** Shown in pg_stat_activity. */
  readonly name: string;
  readonly max: number;
  /** What one statement may take, and how long a transaction may wait for the program, where no plan says it. */
  readonly statementTimeoutMs?: number;
  /** Memory that one connection's server process may grow to before it is replaced. Default 64. */
  readonly backendMb?: number;
  /** Told after each statement how many rows it read or changed. */
  readonly onRows?: (tenant: number, rows: number) => void;
}

/** One pool for all tenants of a database cluster, logged in as a role with no rights of its own. */
export function openTenantPool(databaseUrl: string, secrets: Secrets, options: TenantPoolOptions): TenantPool {
  const { name, max, statementTimeoutMs = serviceTimeoutMs, backendMb = 64, onRows } = options;
  const password = servicePassword(secrets, runtimeRole);
  const settings = {
    ...connectionSettings(databaseUrl, { name, user: runtimeRole, password }),
    onEnd: (connection: TenantConnection) => connections.lost(connection),
  };
  const knex = knexModule({
    client: TenantDialect as unknown as typeof Knex.Client,
    connection: settings as Knex.PgConnectionConfig,
    pool: { max: 0 },
    log: silentKnex,
  });
  const opener = knex.client as TenantDialect;
  const open = () => opener.acquireRawConnection() as Promise<TenantConnection>;
  const connections = createTenantConnections({ max, open, backendMb, onRows });
  withhold(knex);
  return {
    forTenant: (tenant, terms = {}) => {
      const timeoutMs = terms.statementTimeoutMs ?? statementTimeoutMs;
      const scope: Scope = {
        tenant: tenant.id,
        statements: scopeStatements(tenant, timeoutMs),
        share: terms.databaseConnections ?? Infinity,
        statementTimeoutMs: timeoutMs,
      };
      const db = lightKnex(knex, TenantDialect.forTenant(opener, connections, scope));
      return { db, transaction: (work) => db.transaction(work) };
    },
    close: () => connections.close(),
  };
}

/**
 * `SET LOCAL` only: a session-level setting would leak to the next tenant behind a transaction-mode pooler. What the role
 * starts every session with need not be said again.
 */
function scopeStatements({ id, uuid, names }: TenantIdentity, timeoutMs: number): string {
  const timeouts = [
    `SET LOCAL statement_timeout TO ${timeoutMs}`,
    `SET LOCAL idle_in_transaction_session_timeout TO ${timeoutMs}`,
  ];
  return [
    `SET LOCAL ROLE ${pg.escapeIdentifier(names?.role ?? roleName(id))}`,
    `SET LOCAL search_path TO ${pg.escapeIdentifier(names?.schema ?? schemaName(id))}, ${extensionSchema}`,
    `SET LOCAL app.current_tenant TO ${pg.escapeLiteral(uuid)}`,
    ...(timeoutMs === serviceTimeoutMs ? [] : timeouts),
  ].join(";");
}

/** What all handles have in common would change the pool or the other handles under them. */
const withheld = [
  "on",
  "once",
  "addListener",
  "prependListener",
  "destroy",
  "initialize",
  "withUserParams",
  "disableProcessing",
  "enableProcessing",
];

function withhold(knex: Knex): void {
  for (const method of withheld) {
    const refuse = () => {
      throw new Error(`${method}() is not part of a tenant's handle`);
    };
    Object.defineProperty(knex, method, { value: refuse });
  }
}

/**
 * Knex makes some 130 functions for every instance (21 kB). They find the client through `this.context`, so tenants share
 * them and differ in their contexts.
 */
function lightKnex(shared: Knex, client: TenantDialect): Knex {
  const context = Object.assign(Object.create((shared as Contextual).context) as object, { client, userParams: {} });
  const knex = (table: Knex.TableDescriptor) => client.queryBuilder().table(table as string);
  return Object.assign(Object.setPrototypeOf(knex, shared) as Contextual, { context });
}

type Contextual = Knex & { context: object };
