/** What is allowed to take something away, written down in the transaction that lets it begin. */
import type { Knex } from "../../../core/db.ts";
import { ResourceError, messageOf } from "../../../core/errors.ts";
import { readMigrations } from "../../../core/migrations/sql-files.ts";
import { isBehind } from "../../../core/migrations/version.ts";
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

/** The same for a run that had ended and goes on: older processes may have started since. */
export async function claimWindowAgain(trx: Knex.Transaction, runId: string): Promise<void> {
  const { rows } = await trx.raw<{ rows: { target: string; versions: string[] }[] }>(
    `SELECT r.target, array_agg(DISTINCT v.version) AS versions FROM migration_runs r
     JOIN migration_results m ON m.run_id = r.id AND m.status = 'waiting' JOIN tenant_versions v USING (tenant_id)
     WHERE r.id = ? AND r.direction = 'up' GROUP BY r.target`,
    [runId],
  );
  for (const { target, versions } of rows)
    await claimWindow(
      trx,
      readMigrations("tenant").filter(
        ({ name }) => !isBehind(target, name) && versions.some((version) => isBehind(version, name)),
      ),
    );
}

/**
 * For one tenant that is brought to head outside of a run.
 * @throws ResourceError `contract-too-early` when one of these files takes away what somebody still needs.
 */
export async function refuseEarlyContract(db: Knex, files: readonly string[]): Promise<void> {
  try {
    await assertWindow(
      db,
      readMigrations("tenant").filter(({ name }) => files.includes(name)),
    );
  } catch (error) {
    if ((error as { code?: unknown }).code !== "contract-too-early") throw error;
    throw new ResourceError("needs-user", "contract-too-early", messageOf(error), { cause: error });
  }
}
