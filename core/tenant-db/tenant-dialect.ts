/** Knex's PostgreSQL dialect, scoped: a client of one tenant, on connections that it shares with all others. */
import type { Transform } from "node:stream";
import type { Knex } from "knex";
import PostgresDialect, { type StatementObject } from "knex/lib/dialects/postgres/index.js";
import PostgresTransaction from "knex/lib/dialects/postgres/execution/pg-transaction.js";
import pg from "pg";
import { TenantConnection } from "./tenant-connection.ts";

/**
 * What a statement can leave on a session outlives its transaction: settings, the role, cursors, prepared statements,
 * locks. In the same message as the COMMIT, because behind a transaction-mode pooler the next message may be another
 * server's.
 */
const cleaning = "CLOSE ALL;RESET ROLE;RESET ALL;DEALLOCATE ALL;UNLISTEN *;SELECT pg_catalog.pg_advisory_unlock_all()";
const endings: Record<string, string> = { "COMMIT;": `COMMIT;${cleaning}`, ROLLBACK: `ROLLBACK;${cleaning}` };

/** By its first word such a statement cannot be one that changes the session; these functions, or what they run, could. */
const isHarmless = (sql: string): boolean =>
  /^[\s(]*(?:select|insert|update|delete|merge|with|values)\b/i.test(sql) &&
  !/set_config|advisory|_to_xml|ts_stat|ts_rewrite|u&/i.test(sql);

/** Without a scope it runs nothing: that is the client which owns the pool. */
export class TenantDialect extends PostgresDialect {
  declare readonly owner?: TenantDialect;
  declare readonly scope?: string;

  /** A client for one tenant. `scope`: constant `SET LOCAL` statements, without a question mark. */
  static forTenant(owner: TenantDialect, scope: string): TenantDialect {
    const { config, driver, connectionSettings, logger, valueForUndefined } = owner;
    const own = { owner, scope, config, driver, connectionSettings, logger, valueForUndefined };
    const client = Object.assign(Object.create(TenantDialect.prototype) as TenantDialect, own);
    return Object.defineProperty(client, "version", { get: () => owner.version });
  }

  override _driver(): unknown {
    return { ...pg, Client: TenantConnection };
  }

  override acquireConnection(): Promise<unknown> {
    return this.owner ? this.owner.acquireConnection() : super.acquireConnection();
  }

  override releaseConnection(connection: TenantConnection & { __knex__disposed?: unknown }): Promise<void> {
    if (!connection.isClean) {
      connection.discard("Connection terminated: it was given back in the middle of something");
      connection.__knex__disposed ??= "not clean";
    }
    return this.owner ? this.owner.releaseConnection(connection) : super.releaseConnection(connection);
  }

  override transaction(container: unknown, config: unknown, outerTx: unknown): Knex.Transaction {
    return new ScopedTransaction(this, container, config, outerTx) as unknown as Knex.Transaction;
  }

  override async _query(connection: TenantConnection, statement: StatementObject): Promise<StatementObject> {
    const { sql, bindings = [], options } = statement;
    if (!sql) throw new Error("The query is empty");
    const query = { ...options, text: sql, values: bindings };
    if (this.transacting) statement.response = await connection.query(endings[sql] ?? query);
    else if (this.scope === undefined) throw new Error("a statement needs a tenant");
    else {
      const end = isHarmless(sql) ? "COMMIT" : `COMMIT;${cleaning}`;
      statement.response = await connection.runInTransaction(`BEGIN;${this.scope}`, query, end);
    }
    return statement;
  }

  override _stream(connection: unknown, statement: StatementObject, stream: Transform, options: unknown) {
    if (this.transacting) return super._stream(connection, statement, stream, options);
    const error = new Error("a stream is read in a transaction: tenant.transaction((db) => …)");
    stream.emit("error", error);
    return Promise.reject(error);
  }
}

/** A cancelled statement may have its COMMIT behind it already; the statement timeout ends what takes too long. */
Object.assign(TenantDialect.prototype, { canCancelQuery: false });

class ScopedTransaction extends PostgresTransaction {
  /** The scope comes before every savepoint, so that no ROLLBACK TO takes it back. */
  override async begin(connection: TenantConnection): Promise<void> {
    const isolation = this.isolationLevel ? ` ISOLATION LEVEL ${this.isolationLevel}` : "";
    const { scope } = this.client as TenantDialect;
    if (scope === undefined) throw new Error("a transaction needs a tenant");
    await connection.query(`BEGIN${isolation}${this.readOnly ? " READ ONLY" : ""};${scope}`);
    if (connection.getTransactionStatus() !== "T") throw new Error("Connection terminated: no transaction began");
  }
}
