/** Sends what a tenant's handle refuses to send, so that tests reach the defences that lie behind its list. */
import type { Knex } from "knex";
import type pg from "pg";
import { cleaning } from "../../core/tenant-db/session-cleaning.ts";
import type { TenantConnection } from "../../core/tenant-db/tenant-connection.ts";
import type { TenantDialect } from "../../core/tenant-db/tenant-dialect.ts";
import type { TenantHandle } from "../../core/tenant-db/tenant-pool.ts";

/** A statement by itself, between the begin and the end that the dialect gives to what is not harmless. */
export async function runBelow({ db }: Pick<TenantHandle, "db">, sql: string): Promise<pg.QueryResult> {
  const client = db.client as TenantDialect;
  const { scope } = client;
  if (scope === undefined) throw new Error("the handle has no tenant");
  const connection = (await client.acquireConnection()) as TenantConnection;
  try {
    return await connection.runInTransaction(`BEGIN;${scope.statements}`, extended(sql), `COMMIT;${cleaning}`);
  } finally {
    await client.releaseConnection(connection);
  }
}

/** A statement in an open transaction or in a nested one, on the transaction's own connection. */
export async function runBelowIn(transaction: Knex.Transaction, sql: string): Promise<pg.QueryResult> {
  const client = transaction.client as TenantDialect;
  const connection = (await client.acquireConnection()) as TenantConnection;
  connection.transaction.isTouched = true;
  return connection.transaction.run(extended(sql));
}

const extended = (text: string): pg.QueryConfig => ({ text, values: [] });
