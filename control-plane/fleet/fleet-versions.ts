import type { Knex } from "../../core/db.ts";

/** Versions that schemas have, each once and in order. The index is skipped through, so the size of the fleet does not matter. */
export const listVersions = (db: Knex): Promise<string[]> => db("fleet_versions").orderBy("version").pluck("version");
