import type { PlanIsolation } from "../../core/plan-terms.ts";
import type { Tenant } from "../../core/tenant.ts";
import type { ControlContext } from "../context.ts";

/**
 * What is really there. 'unknown' = could not ask; it never leads to creating or deleting. `ensuring` says, of what is
 * otherwise left to a person, that `ensure` only adds what is missing, or refuses and says what has to be done.
 */
export type Inspection =
  | { readonly state: "absent" }
  | { readonly state: "present" }
  | { readonly state: "drifted"; readonly why: readonly string[]; readonly ensuring?: "mends" | "refuses" }
  | { readonly state: "unknown"; readonly why: string };

/** A tenant held by this process: `fence` proves it in every write (see lease.ts). */
export interface LeasedTenant extends Tenant {
  readonly fence: number;
  /** Grows with every change of what is wanted; a loop that works towards an older one stops. */
  readonly generation: number;
  /** `dedicated`: the runtime logs in as the tenant's own role. */
  readonly isolation: PlanIsolation;
  readonly owner: { readonly name: string; readonly email: string };
  /** It was served once: from then on it is never rolled back, and what it lost is never made anew, empty. */
  readonly wasActive: boolean;
  /** What follows a failure that no retry mends, before it was ever active. */
  readonly onFailure: "rollback" | "hold";
  /** It is time to look at everything it owns (see inspection/). */
  readonly inspectionDue: boolean;
}

export type ResourceName = "database" | "cache" | "queue" | "owner" | "dns" | "certificate" | "worker" | "archive";

/** One kind of thing that a tenant owns. Errors are `ResourceError`s where it is known whether a retry helps. */
export interface Resource {
  readonly name: ResourceName;
  /** What must be there first; independent ones run side by side. */
  readonly after: readonly ResourceName[];
  /** What `ensure` makes is another thing for a suspended company than for an active one. */
  readonly followsSuspension?: true;
  /** Goes only after the last export. */
  readonly holdsData?: true;
  /** Changes nothing. */
  inspect(ctx: ControlContext, tenant: LeasedTenant): Promise<Inspection>;
  /** Makes it exist and match; safe whatever the last call left behind. */
  ensure(ctx: ControlContext, tenant: LeasedTenant): Promise<void>;
  /** Makes it not exist; already gone is success. */
  destroy(ctx: ControlContext, tenant: LeasedTenant): Promise<void>;
}
