import type { PlanTerms } from "../core/plan-terms.ts";
import type { HostKind, Tenant } from "../core/tenant.ts";
import type { TenantHandle } from "../core/tenant-db/tenant-pool.ts";
import type { Permission, StoreScope } from "./guard/permissions.ts";

export interface TenantHost {
  readonly host: string;
  readonly kind: HostKind;
}

/** A tenant with its handle: what there is to serve it with. */
export interface ServedTenant extends Tenant, TenantHandle {
  readonly hosts: readonly TenantHost[];
  readonly modules: readonly string[];
  readonly terms: PlanTerms;
  /** False until the company's schema and owner were there for the first time. */
  readonly wasActive: boolean;
}

/** The tenant that a request is for, decided by its host alone. */
export interface RequestTenant extends ServedTenant {
  /** What this host serves; routes of the other kind do not exist on it. */
  readonly hostKind: HostKind;
}

/** A person of the company, or of the platform's support, behind the guard. */
export interface TenantUser {
  /** Row of users; of user_sessions when somebody of the support is here, who is nobody of the company. */
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly role: string;
  readonly sessionId: string;
  readonly permissions: readonly Permission[];
  readonly stores: StoreScope;
  /** Only when the platform's support is here. */
  readonly impersonatedBy?: Impersonator;
}

export interface Impersonator {
  /** E-mail address of the platform's person. */
  readonly who: string;
  readonly reason: string;
  /** ISO 8601. */
  readonly until: string;
}

declare global {
  namespace Express {
    interface Request {
      tenant: RequestTenant;
      user: TenantUser;
    }
  }
}
