import type { PlanTerms } from "../core/plan-terms.ts";
import type { HostKind, Tenant } from "../core/tenant.ts";
import type { TenantHandle } from "../core/tenant-db/tenant-pool.ts";

export interface TenantHost {
  readonly host: string;
  readonly kind: HostKind;
}

/** The tenant that a request is for, decided by its host alone. */
export interface RequestTenant extends Tenant, TenantHandle {
  /** What this host serves; routes of the other kind do not exist on it. */
  readonly hostKind: HostKind;
  readonly hosts: readonly TenantHost[];
  readonly modules: readonly string[];
  readonly terms: PlanTerms;
  /** False until the company's schema and owner were there for the first time. */
  readonly wasActive: boolean;
}

/** A person of the company, behind the guard. */
export interface TenantUser {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly role: string;
  readonly sessionId: string;
}

declare global {
  namespace Express {
    interface Request {
      tenant: RequestTenant;
      user: TenantUser;
    }
  }
}
