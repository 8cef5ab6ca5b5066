import type { Knex } from "../../core/db.ts";
import type { Logger } from "../../core/logger.ts";

/** What fleet migrations need; a control plane's context has all of it, a command line makes its own. */
export interface FleetContext {
  readonly db: Knex;
  /** Owner role's URL, direct: migrations open connections of their own and never go through a pooler. */
  readonly databaseUrl: string;
  readonly log: Logger;
  /** Name of this process as a coordinator. */
  readonly instance: string;
  readonly config: { readonly LEASE_SECONDS: number };
}
