/** Knex's PostgreSQL dialect, scoped: a client of one tenant, on connections that it shares with all others. */
import type { Transform } from "node:stream";
import type { Knex } from "knex";
import PostgresDialect, { type StatementObject } from "knex/lib/dialects/postgres/index.js";
import PostgresTransaction from "knex/lib/dialects/postgres/execution/pg-transaction.js";
import pg from "pg";
import { checkStatement } from "./allowed-statement.ts";
import { LeanRunner, lone, type Runnable } from "./lean-runner.ts";
import type { Scope } from "./scope.ts";
import { cleaning, isHarmless } from "./session-cleaning.ts";
import { TenantConnection } from "./tenant-connection.ts";
import type { TenantConnections } from "./tenant-connections.ts";

const endings: Readonly<Record<string, "COMMIT" | "ROLLBACK">> = { "COMMIT;": "COMMIT", ROLLBACK: "ROLLBACK" };

/** Without a scope it runs nothing: that is the client which opens the connections. */
export class TenantDialect extends PostgresDialect {
  declare readonly connections?: TenantConnections;
  declare readonly scope?: Scope;

  /**
   * A client for one tenant, with nothing of its own but whom it works for. What it has in common with the others it
   * inherits: an accessor on each would give each a shape of its own, which every use of a client would have to look up.
   */
  static forTenant(shared: TenantDialect, connections: TenantConnections, scope: Scope): TenantDialect {
    return Object.assign(Object.create(shared) as TenantDialect, { connections, scope });
  }

  /** What the clients of all tenants inherit. It runs nothing by itself. */
  static sharedBy(owner: TenantDialect): TenantDialect {
    const { config, driver, connectionSettings, logger, valueForUndefined } = owner;
    const shared = Object.create(TenantDialect.prototype) as TenantDialect;
    Object.assign(shared, { config, driver, connectionSettings, logger, valueForUndefined });
    return Object.defineProperty(shared, "version", { get: () => owner.version });
  }

  override _driver(): unknown {
    return { ...pg, Client: TenantConnection };
  }

  override runner(builder: Runnable): LeanRunner {
    return new LeanRunner(this, builder);
  }

  override acquireConnection(): Promise<unknown> {
    const { connections, scope } = boundOf(this);
    return connections.lend(scope);
  }

  override releaseConnection(connection: TenantConnection): Promise<void> {
    boundOf(this).connections.takeBack(connection);
    return Promise.resolve();
  }

  override transaction(container: unknown, config: unknown, outerTx: unknown): Knex.Transaction {
    return new ScopedTransaction(this, container, config, outerTx) as unknown as Knex.Transaction;
  }

  override async _query(connection: TenantConnection, statement: StatementObject): Promise<StatementObject> {
    const { sql, bindings = [], options } = statement;
    if (!sql) throw new Error("The query is empty");
    const query = { ...options, text: sql, values: bindings };
    const isLone = (connection as object) === lone;
    const ending = !isLone && connection.transaction.takeEnding() ? endings[sql] : undefined;
    if (ending === undefined) checkStatement(sql);
    if (isLone) {
      statement.response = await runLone(boundOf(this), query);
      return statement;
    }
    if (!this.transacting) {
      const { scope } = boundOf(this);
      statement.response = await (isHarmless(sql)
        ? connection.runScoped(scope, query, connection.lease)
        : runAndClean(connection, scope, query));
      return statement;
    }
    // Knex makes the clients of transactions itself: what belongs to the tenant is on the connection.
    if (ending === undefined) connection.transaction.isTouched ||= !isHarmless(sql);
    statement.response = await (ending === undefined
      ? connection.transaction.run(query)
      : connection.transaction.end(ending, cleaning));
    return statement;
  }

  override async _stream(
    connection: TenantConnection,
    statement: StatementObject,
    stream: Transform,
    options: unknown,
  ) {
    try {
      if (!this.transacting) throw new Error("a stream is read in a transaction: tenant.transaction((db) => …)");
      checkStatement(statement.sql);
      connection.transaction.isTouched ||= !isHarmless(statement.sql);
      await connection.transaction.begin();
    } catch (error) {
      // Knex tells the stream's reader nothing of what happens before the query runs.
      stream.emit("error", error);
      throw error;
    }
    return super._stream(connection, statement, stream, options);
  }
}

interface Bound {
  readonly connections: TenantConnections;
  readonly scope: Scope;
}

/** No private method: tenants' clients are not made by the constructor. */
function boundOf({ connections, scope }: TenantDialect): Bound {
  if (connections === undefined || scope === undefined) throw new Error("a statement needs a tenant");
  return { connections, scope };
}

/** What the statement can leave on the session is taken back in the same message. */
const runAndClean = (connection: TenantConnection, scope: Scope, query: pg.QueryConfig): Promise<pg.QueryResult> =>
  connection.runInTransaction(`BEGIN;${scope.statements}`, query, `COMMIT;${cleaning}`);

async function runLone(
  { connections, scope }: Bound,
  query: pg.QueryConfig & { text: string },
): Promise<pg.QueryResult> {
  if (isHarmless(query.text)) return connections.run(scope, query);
  const connection = await connections.lend(scope);
  try {
    return await runAndClean(connection, scope, query);
  } finally {
    connections.takeBack(connection);
  }
}

/** A cancelled statement may have its COMMIT behind it already; the statement timeout ends what takes too long. */
Object.assign(TenantDialect.prototype, { canCancelQuery: false });

class ScopedTransaction extends PostgresTransaction {
  /** Goes out together with the first statement. The scope comes before every savepoint: no ROLLBACK TO takes it back. */
  override begin(connection: TenantConnection): Promise<void> {
    const isolation = this.isolationLevel ? ` ISOLATION LEVEL ${this.isolationLevel}` : "";
    const { scope } = this.client as TenantDialect;
    if (scope === undefined) return Promise.reject(new Error("a transaction needs a tenant"));
    connection.transaction.hold(`BEGIN${isolation}${this.readOnly ? " READ ONLY" : ""};${scope.statements}`);
    return Promise.resolve();
  }

  /**
   * How Knex ends a transaction is told from a text that somebody else wrote by who sends it: behind an end, the rest of
   * the program's transaction would run outside of the scope. Knex passes it on before this returns.
   */
  override query(connection: TenantConnection, sql: string, ...rest: unknown[]): unknown {
    if (endings[sql] !== undefined) connection.transaction.announceEnding();
    const answer = super.query(connection, sql, ...rest);
    // Also when Knex has refused it: it is said of this one statement.
    connection.transaction.takeEnding();
    return answer;
  }
}
