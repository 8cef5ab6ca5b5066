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
import { servicePassword } from "../service-roles.ts";
import { TenantDialect } from "./tenant-dialect.ts";
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
  forTenant(tenant: Pick<Tenant, "id" | "uuid">, terms?: TenantTerms): TenantHandle;
  close(): Promise<void>;
}

export type TenantTerms = Partial<Pick<PlanTerms, "statementTimeoutMs" | "databaseConnections">>;

export interface TenantPoolOptions {
  /** Shown in pg_stat_activity. */
  readonly name: string;
  readonly max: number;
  /** What one statement may take, and how long a transaction may wait for the program, where no plan says it. */
  readonly statementTimeoutMs?: number;
}

/** Beyond the statement timeout: how long the server's word of it may be on its way. */
const answerGraceMs = 5_000;

/** One pool for all tenants of a database cluster, logged in as a role with no rights of its own. */
export function openTenantPool(databaseUrl: string, secrets: Secrets, options: TenantPoolOptions): TenantPool {
  const { name, max, statementTimeoutMs = 15_000 } = options;
  const password = servicePassword(secrets, runtimeRole);
  const settings = {
    ...connectionSettings(databaseUrl, { name, user: runtimeRole, password }),
    answerWithinMs: statementTimeoutMs + answerGraceMs,
  };
  const knex = knexModule({
    client: TenantDialect as unknown as typeof Knex.Client,
    connection: settings as Knex.PgConnectionConfig,
    pool: { min: 0, max, idleTimeoutMillis: 30_000 },
    acquireConnectionTimeout: 10_000,
    log: silentKnex,
  });
  const owner = knex.client as TenantDialect;
  withhold(knex);
  return {
    forTenant: (tenant, terms = {}) => {
      const scope = scopeStatements(tenant, terms.statementTimeoutMs ?? statementTimeoutMs);
      const db = lightKnex(knex, TenantDialect.forTenant(owner, scope));
      return { db, transaction: (work) => db.transaction(work) };
    },
    close: () => owner.destroy(undefined) as Promise<void>,
  };
}

/** `SET LOCAL` only: a session-level setting would leak to the next tenant behind a transaction-mode pooler. */
function scopeStatements({ id, uuid }: Pick<Tenant, "id" | "uuid">, timeoutMs: number): string {
  return [
    `SET LOCAL ROLE ${pg.escapeIdentifier(roleName(id))}`,
    `SET LOCAL search_path TO ${pg.escapeIdentifier(schemaName(id))}, ${extensionSchema}`,
    `SET LOCAL statement_timeout TO ${timeoutMs}`,
    `SET LOCAL idle_in_transaction_session_timeout TO ${timeoutMs}`,
    `SET LOCAL app.current_tenant TO ${pg.escapeLiteral(uuid)}`,
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
