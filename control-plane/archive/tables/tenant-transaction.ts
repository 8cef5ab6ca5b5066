/** One transaction over a whole schema, on a connection of its own, while no migration changes that schema. */
import type pg from "pg";
import { openDatabase, type Knex } from "../../../core/db.ts";
import { schemaName } from "../../../core/tenant.ts";
import type { ControlContext } from "../../context.ts";

export interface TenantTransaction {
  readonly db: Knex.Transaction;
  /** The transaction's own connection: COPY goes around Knex. */
  readonly connection: pg.Client;
}

/** `snapshot` sees one moment and changes nothing; `load` keeps others from migrating the schema or exporting it. */
export type TransactionKind = "snapshot" | "load";

const opening: Readonly<Record<TransactionKind, string>> = {
  snapshot: "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
  load: "SET TRANSACTION ISOLATION LEVEL READ COMMITTED",
};

/** What decides how a value is written as text, and what could end a long transaction or hide rows from it. */
const settings = [
  "client_encoding TO 'UTF8'",
  "datestyle TO 'ISO, YMD'",
  "timezone TO 'UTC'",
  "intervalstyle TO 'postgres'",
  "bytea_output TO 'hex'",
  "extra_float_digits TO 1",
  "xmlbinary TO 'base64'",
  "lc_monetary TO 'C'",
  "row_security TO off",
  "statement_timeout TO 0",
  "idle_in_transaction_session_timeout TO 0",
];

/**
 * Commits when `work` resolves. When it throws, the connection is closed, which ends a COPY that is under way and rolls
 * back; a Knex rollback would wait behind that COPY for ever.
 *
 * The lock is the one of core/migrations/run.ts, taken before the transaction begins: a snapshot that is older than a
 * migration's end would see the tables empty that the migration has rewritten.
 */
export async function withTenantTransaction<T>(
  ctx: ControlContext,
  { companyId, kind }: { readonly companyId: number; readonly kind: TransactionKind },
  work: (transaction: TenantTransaction) => Promise<T>,
): Promise<T> {
  const schema = schemaName(companyId);
  const db = openDatabase(ctx.databaseUrl, { name: `archive ${schema}`, max: 1 });
  const lock = kind === "snapshot" ? "pg_advisory_lock_shared" : "pg_advisory_lock";
  let failure: { readonly error: unknown } | undefined;
  try {
    await db.raw(`SELECT ${lock}(hashtext('secretaria.migrate'), hashtext(?))`, [schema]);
    return await db.transaction(async (trx) => {
      const connection = (await trx.client.acquireConnection()) as pg.Client;
      try {
        await trx.raw(opening[kind]);
        await connection.query(settings.map((setting) => `SET LOCAL ${setting}`).join(";"));
        return await work({ db: trx, connection });
      } catch (error) {
        failure = { error };
        await connection.end().catch(() => undefined);
        throw error;
      }
    });
  } catch (error) {
    // Knex tells of the rollback that the closed connection refused; what came before it is what went wrong.
    throw failure === undefined ? error : failure.error;
  } finally {
    await db.destroy();
  }
}
