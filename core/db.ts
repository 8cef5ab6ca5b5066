import knex, { type Knex } from "knex";
import pg from "pg";

export type { Knex } from "knex";

export interface DatabaseOptions {
  /** Shown in pg_stat_activity. */
  readonly name: string;
  readonly max?: number;
  /** Set for every session; only safe on a direct connection, never through a transaction-mode pooler. */
  readonly searchPath?: readonly string[];
  /**
   * How long a transaction may wait for this process: then the server ends it, with its connection and its locks. A
   * process that stalls would hold up whoever took its work over. Only on a direct connection, as above.
   */
  readonly idleInTransactionMs?: number;
  /** Role to log in as instead of the URL's. */
  readonly user?: string;
  readonly password?: string;
}

/**
 * One pool. Opens no connection until it is used; bigint arrives as a number (ids stay far below 2^53).
 * @throws nothing here; a query on a lost server throws what `isServiceDown` recognises.
 */
export function openDatabase(url: string, options: DatabaseOptions): Knex {
  return knex({
    client: "pg",
    connection: connectionSettings(url, options) as Knex.PgConnectionConfig,
    pool: { min: 0, max: options.max ?? 10, idleTimeoutMillis: 30_000 },
    acquireConnectionTimeout: 10_000,
    log: silentKnex,
    ...(options.searchPath ? { searchPath: options.searchPath } : {}),
  });
}

/** Knex prints what it also throws; here only the caller says it, once and as JSON. */
export const silentKnex: Knex.Logger = { warn() {}, error() {}, debug() {}, deprecate() {} };

/** What node-postgres takes, parsed once: `pg` and `knex` clients of every room are made from this. */
export function connectionSettings(url: string, options: DatabaseOptions): pg.ClientConfig {
  const parsed = new URL(url);
  const types = new pg.TypeOverrides();
  types.setTypeParser(pg.types.builtins.INT8, Number);
  return {
    host: parsed.hostname.replace(/^\[|\]$/g, ""),
    port: Number(parsed.port || 5432),
    database: decodeURIComponent(parsed.pathname.slice(1)),
    user: options.user ?? decodeURIComponent(parsed.username),
    password: options.password ?? decodeURIComponent(parsed.password),
    application_name: options.name,
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
    types,
    ...(options.idleInTransactionMs === undefined
      ? {}
      : { idle_in_transaction_session_timeout: Math.ceil(options.idleInTransactionMs) }),
    ...sslSettings(parsed),
  };
}

function sslSettings(url: URL): Pick<pg.ClientConfig, "ssl"> {
  const mode = url.searchParams.get("sslmode");
  if (mode === null || mode === "disable" || mode === "prefer") return {};
  return { ssl: { rejectUnauthorized: mode === "verify-full" || mode === "verify-ca" } };
}

/**
 * Sends statements as one simple-protocol message: one round trip, one transaction. It goes around Knex, which would
 * read every question mark as a placeholder. On an error nothing of the batch remains and the connection is clean.
 */
export async function sendBatch(db: Knex, statements: readonly string[]): Promise<void> {
  const connection = (await db.client.acquireConnection()) as pg.Client;
  try {
    await connection.query(statements.join(";\n"));
  } finally {
    await db.client.releaseConnection(connection);
  }
}
