/** `secretaria/tenant-runtime`: the whole public surface. What is not exported here may change in any release. */
export { AppError, type ErrorCode, type FieldError } from "../../core/errors.ts";
export type { CurrentTenant } from "../../core/current-tenant.ts";
export { expressMessages } from "../../core/express-messages.ts";
export type { Logger } from "../../core/logger.ts";
export type { PlanTerms } from "../../core/plan-terms.ts";
export type { DesiredState, HostKind, Tenant } from "../../core/tenant.ts";
export type { TenantHandle } from "../../core/tenant-db/tenant-pool.ts";
export type { Check, Health } from "../health.ts";
export type { RequestTenant, ServedTenant, TenantHost, TenantUser } from "../request-tenant.ts";
export { optionsFromEnv, type TenancyOptions } from "./options.ts";
export { openTenancy } from "./open-tenancy.ts";
export type { FindTenant, Tenancy, TenantReference, TenantStates } from "./tenancy.ts";
