/** There is one open run at a time, and whoever would open another is told which. */
import type { Knex } from "../../core/db.ts";
import { AppError, isUniqueViolation } from "../../core/errors.ts";
import { findOpenRun } from "./run-store.ts";

/** @throws AppError `run-open`, naming it; another one than `own`. */
export async function refuseOpenRun(db: Knex, own?: string): Promise<void> {
  const open = await findOpenRun(db);
  if (open === undefined || open.id === own) return;
  throw new AppError("run-open", `run ${open.id} is ${open.status}: let it end, resume it, or abort it`, {
    instance: `/api/migration-runs/${open.id}`,
  });
}

/**
 * A transaction that opens a run. Of two at once one waits for the other and is refused when that has committed.
 * @throws AppError `run-open`, as refuseOpenRun; what `work` throws.
 */
export async function opening<T>(db: Knex, work: (trx: Knex.Transaction) => Promise<T>): Promise<T> {
  try {
    return await db.transaction(work);
  } catch (error) {
    if (!isUniqueViolation(error, "migration_runs_one_open")) throw error;
    await refuseOpenRun(db);
    throw new AppError("run-open", "another run was open until a moment ago: try again", { cause: error });
  }
}
