import type { Knex } from "../../core/db.ts";
import { AppError } from "../../core/errors.ts";
import { findRun, viewRun, type RunRow, type RunView } from "./run-store.ts";

/** @throws AppError `run-not-found`. */
export const getRun = async (db: Knex, id: string): Promise<RunRow> => (await findRun(db, id)) ?? missing();

/** With its waves and their counts. @throws AppError `run-not-found`. */
export const getRunView = async (db: Knex, id: string): Promise<RunView> => (await viewRun(db, id)) ?? missing();

function missing(): never {
  throw new AppError("run-not-found", "Look the run up with GET /api/migration-runs.");
}
