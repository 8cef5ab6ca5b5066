/** Tenants for an Express app of somebody else's. Types only: an importer's compiler reads no further than this. */
import type { ErrorRequestHandler, RequestHandler } from "express";
import type { CurrentTenant } from "../../core/current-tenant.ts";
import type { DesiredState } from "../../core/tenant.ts";
import type { Health } from "../health.ts";
import type { ServedTenant } from "../request-tenant.ts";

declare global {
  namespace Express {
    interface Request {
      /** Set by `resolve`: from `X-Request-Id` when it looks like one, else made there; in every answer and log line. */
      correlationId: string;
    }
  }
}

export interface Tenancy {
  /**
   * Sets `req.tenant` from the request's host and nothing else, and `currentTenant()` for what runs behind it. Passes
   * AppError `host-unknown`, `host-mismatch`, `tenant-suspended`, `tenant-deleted` or `service-unavailable` on otherwise.
   */
  readonly resolve: RequestHandler;
  /**
   * Behind `resolve`: sets `req.user` from the bearer token, or passes AppError `not-authenticated`, `token-invalid`, or
   * `tenant-mismatch` for a good token of another tenant on.
   */
  readonly guard: RequestHandler;
  /**
   * Behind `resolve`: counts what the tenant uses, and passes AppError `too-many-requests` or `tenant-busy` on for what is
   * beyond its plan. Processes that serve the same tenant share its requests per second through Redis.
   */
  readonly limits: RequestHandler;
  /** Behind `resolve`: passes AppError `module-not-in-plan` on for tenants whose plan lacks the module. */
  requireModule(code: string): RequestHandler;
  /** Last of all: AppErrors and lost servers as problem+json; other errors go on to the app's own handlers. */
  readonly problems: ErrorRequestHandler;
  /**
   * A tenant outside of a request, by its id or one of its hosts. @throws AppError `tenant-not-found`,
   * `tenant-suspended`, `tenant-deleted`, or `service-unavailable` while it is being made.
   */
  readonly forTenant: FindTenant;
  /** Runs `work`, and all that it starts, with `currentTenant()` being this tenant. Gives no access to data. */
  readonly runAs: <T>(tenant: ServedTenant, work: () => T) => T;
  /** Whom the code that runs now works for; for logs and metrics. @throws Error outside of this tenancy's requests and `runAs`. */
  readonly currentTenant: () => CurrentTenant;
  /** Asks PostgreSQL and Redis. Throws nothing. */
  readonly health: () => Promise<Health>;
  /** Closes every connection; stop the HTTP server first. Safe to repeat. */
  readonly close: () => Promise<void>;
}

/** The tenant's id, or one of its hosts. */
export type TenantReference = number | string;

export interface TenantStates {
  /** States in which the tenant's data is still there and which the caller can live with. Default: none but active. */
  readonly alsoWhen?: readonly Extract<DesiredState, "suspended" | "closed">[];
}

export type FindTenant = (reference: TenantReference, states?: TenantStates) => Promise<ServedTenant>;
