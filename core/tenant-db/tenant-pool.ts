/**
 * The scoped database handle: every statement of a tenant runs in a transaction that starts with the tenant's role,
 * search path and identity. It lies in core because the runtime and the workers both serve tenants.
 */
import knexModule, { type Knex } from "knex";
import { connectionSettings, silentKnex } from "../db.ts";
import { runtimeRole } from "../migrations/tenant-schema.ts";
import type { PlanTerms } from "../plan-terms.ts";
import type { Secrets } from "../secrets.ts";
import { servicePassword, serviceTimeoutMs } from "../service-roles.ts";
import { databasePassword } from "../tenant-secrets.ts";
import { createDedicatedPools } from "./dedicated-pools.ts";
import type { TenantConnection } from "./tenant-connection.ts";
import { createTenantConnections, type TenantConnections } from "./tenant-connections.ts";
import { askTraits } from "./scope-sender.ts";
import { createScope, type TenantIdentity } from "./scope.ts";
import { TenantDialect } from "./tenant-dialect.ts";
import { roleName } from "../tenant.ts";

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

export type TenantTerms = Partial<Pick<PlanTerms, "isolation" | "statementTimeoutMs" | "databaseConnections">>;

export interface TenantPoolOptions {
  /** Shown in pg_stat_activity. */
  readonly name: string;
  readonly max: number;
  /** What one statement may take, and how long a transaction may wait for the program, where no plan says it. */
  readonly statementTimeoutMs?: number;
  /** Memory that one connection's server process may grow to before it is replaced. Default 64. */
  readonly backendMb?: number;
  /** Companies that log in as themselves and have connections open at once. Default 50. */
  readonly dedicatedPools?: number;
  /** Told after each statement how many rows it read or changed. */
  readonly onRows?: (tenant: number, rows: number) => void;
}

/** One pool for all tenants of a database cluster, logged in as a role with no rights of its own. */
export function openTenantPool(databaseUrl: string, secrets: Secrets, options: TenantPoolOptions): TenantPool {
  const { name, max, statementTimeoutMs = serviceTimeoutMs, backendMb = 64, dedicatedPools = 50, onRows } = options;
  const password = servicePassword(secrets, runtimeRole);
  const settings = {
    ...connectionSettings(databaseUrl, { name, user: runtimeRole, password }),
    keptBytes: keptBytesOf(backendMb),
    onEnd: (connection: TenantConnection) => connections.lost(connection),
  };
  const knex = knexModule({
    client: TenantDialect as unknown as typeof Knex.Client,
    connection: settings as Knex.PgConnectionConfig,
    pool: { max: 0 },
    log: silentKnex,
  });
  const opener = knex.client as TenantDialect;
  const shared = TenantDialect.sharedBy(opener);
  const open = () => openConnection(opener);
  const connections = createTenantConnections({ max, open, backendMb, onRows });
  const own = { databaseUrl, secrets, name, opener, backendMb, onRows };
  const dedicated = createDedicatedPools({ max: dedicatedPools, open: (id) => openOwnConnections(own, id) });
  withhold(knex);
  return {
    forTenant: (tenant, terms = {}) => {
      const timeoutMs = terms.statementTimeoutMs ?? statementTimeoutMs;
      const isDedicated = terms.isolation === "dedicated";
      const share = terms.databaseConnections ?? Infinity;
      const scope = createScope(tenant, { isDedicated, share, statementTimeoutMs: timeoutMs });
      const lender = isDedicated ? dedicated.connectionsOf(tenant.id) : connections;
      const db = lightKnex(knex, TenantDialect.forTenant(shared, lender, scope));
      return { db, transaction: (work) => db.transaction(work) };
    },
    close: async () => void (await Promise.all([dedicated.close(), connections.close()])),
  };
}

/** The larger part is for what the server process remembers of the tables. */
const keptBytesOf = (backendMb: number): number => (backendMb * 1048576) / 3;

interface OwnLogin {
  readonly name: string;
  readonly onRows: TenantPoolOptions["onRows"] | undefined;
  readonly databaseUrl: string;
  readonly secrets: Secrets;
  readonly opener: TenantDialect;
  readonly backendMb: number;
}

/** One tenant's share is half of a pool, rounded up: three connections. */
const ownMax = 5;

/** The same way in, as the tenant's own role. */
function openOwnConnections({ databaseUrl, secrets, name, opener, backendMb, onRows }: OwnLogin, id: number) {
  const login = { name, user: roleName(id), password: databasePassword(secrets, id) };
  const settings = {
    ...connectionSettings(databaseUrl, login),
    keptBytes: keptBytesOf(backendMb),
    onEnd: (connection: TenantConnection) => connections.lost(connection),
  };
  const ownOpener = Object.create(opener, { connectionSettings: { value: settings } }) as TenantDialect;
  const open = () => openConnection(ownOpener);
  const connections: TenantConnections = createTenantConnections({ max: ownMax, open, backendMb, onRows });
  return connections;
}

async function openConnection(opener: TenantDialect): Promise<TenantConnection> {
  const connection = (await opener.acquireRawConnection()) as TenantConnection;
  try {
    connection.meet(await askTraits(connection));
  } catch (error) {
    connection.discard("Connection terminated: the server did not say what it is");
    throw error;
  }
  return connection;
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
