/** Knex publishes its dialects as files without types; only what the tenant's handle builds on is declared. */
declare module "knex/lib/dialects/postgres/index.js" {
  import type { Knex } from "knex";
  import type { Transform } from "node:stream";

  /** One statement on its way; Knex reads the result from `response`. */
  export interface StatementObject {
    readonly sql: string;
    readonly bindings?: unknown[];
    readonly options?: Record<string, unknown>;
    response?: unknown;
  }

  export default class PostgresDialect extends Knex.Client {
    /** Set on the client of a transaction only. */
    readonly transacting?: true;
    acquireRawConnection(): Promise<unknown>;
    acquireConnection(): Promise<unknown>;
    releaseConnection(connection: unknown): Promise<void>;
    runner(builder: unknown): unknown;
    _driver(): unknown;
    _query(connection: unknown, statement: StatementObject): Promise<StatementObject>;
    _stream(connection: unknown, statement: StatementObject, stream: Transform, options: unknown): Promise<unknown>;
  }
}

declare module "knex/lib/dialects/postgres/execution/pg-transaction.js" {
  /** A transaction under way; nested ones are savepoints and never begin. */
  export default class PostgresTransaction {
    constructor(client: unknown, ...rest: unknown[]);
    readonly client: unknown;
    readonly isolationLevel?: string;
    readonly readOnly?: boolean;
    begin(connection: unknown): Promise<unknown>;
    query(connection: unknown, sql: string, ...rest: unknown[]): unknown;
  }
}

declare module "knex/lib/execution/runner.js" {
  /** Runs what a builder was compiled to, on a connection that it acquires. */
  export default class Runner {
    constructor(client: unknown, builder: unknown);
    readonly client: unknown;
    readonly builder: unknown;
    connection: unknown;
    run(): Promise<unknown>;
    query(statement: unknown): Promise<unknown>;
    queryArray(statements: unknown[]): Promise<unknown>;
  }
}
