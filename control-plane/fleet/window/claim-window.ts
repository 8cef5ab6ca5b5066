import type { Knex } from "../../../core/db.ts";
import { assertWindow, contractsOf, type WindowMigration } from "./contract-blockers.ts";

/**
 * For the transaction that begins a run upwards: from its commit on no process starts that is older than what the run
 * takes away, until the run ended without having done so, or the contract was undone everywhere. Processes that start meanwhile
 * wait for that transaction.
 * @throws AppError `contract-too-early`, as assertWindow.
 */
export async function claimWindow(trx: Knex.Transaction, pending: readonly WindowMigration[]): Promise<void> {
  const contracts = contractsOf(pending);
  if (contracts.length === 0) return;
  await trx.raw("SELECT pg_advisory_xact_lock(hashtext('secretaria.window'), 0)");
  await assertWindow(trx, pending);
  await trx("migration_contracts").insert(contracts).onConflict("name").merge(["after"]);
}
