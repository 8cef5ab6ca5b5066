/** What Knex's runners see of a query builder, and of the client that it runs on. */

export interface CompiledStatement {
  readonly sql: string;
  readonly timeout?: number | false;
  queryContext?: unknown;
}

export interface Runnable {
  /** Set by `.connection(…)`. */
  readonly _connection?: object;
  readonly _debug?: boolean;
  /** Several for what Knex's schema builder makes. */
  toSQL(): CompiledStatement | CompiledStatement[];
  queryContext(): unknown;
  eventNames(): (string | symbol)[];
}

export interface LeanClient {
  readonly transacting: boolean;
  acquireConnection(): Promise<object>;
  releaseConnection(connection: object): Promise<void>;
  /** In a transaction: refuses what comes after its end. @throws the statement's error, its SQL in front of the message. */
  query(connection: object, statement: CompiledStatement): Promise<unknown>;
  processResponse(answered: unknown, runner: object): unknown;
  postProcessResponse(result: unknown, queryContext: unknown): unknown;
}
