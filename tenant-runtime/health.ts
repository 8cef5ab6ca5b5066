/** Whether what the runtime stands on answers now. */

export interface Check {
  readonly ok: boolean;
  /** Why not, without secrets. */
  readonly error?: string;
}

export interface Health {
  /** PostgreSQL and Redis answer. */
  readonly ok: boolean;
  readonly database: Check;
  readonly redis: Check;
  /** Not ok: changes of tenants are not announced now, and are looked for every second instead. */
  readonly registryChanges: Check;
}
