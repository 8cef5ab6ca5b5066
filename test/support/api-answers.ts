/** What the control plane's API answers, by path, as its own schemas say. */
import type { AuditPage } from "../../control-plane/api/audit.ts";
import type { SignedIn } from "../../control-plane/api/auth.ts";
import type { DeletionRecord } from "../../control-plane/api/deletions.ts";
import type { ImpersonationGrant } from "../../control-plane/api/impersonation.ts";
import type { Invitation } from "../../control-plane/api/invitations.ts";
import type { RunList, RunResultPage } from "../../control-plane/api/migration-runs.ts";
import type { OrphanReport } from "../../control-plane/api/orphans.ts";
import type { PlanList } from "../../control-plane/api/plans.ts";
import type { Problem } from "../../control-plane/api/problem-schema.ts";
import type { TenantPage } from "../../control-plane/api/tenants.ts";
import type { RunJson } from "../../control-plane/fleet/run-schemas.ts";
import type { StartedChange } from "../../control-plane/tenants/changes/schemas.ts";
import type { Explanation } from "../../control-plane/tenants/explanation/schema.ts";
import type { OperationView, ProvisionedView, TenantView } from "../../control-plane/tenants/tenant-schemas.ts";
import type { UsageReport } from "../../control-plane/tenants/usage/schema.ts";

/** The first pattern that a path matches gives its answer. */
type Gets = [
  ["/api/audit", AuditPage],
  ["/api/migration-runs", RunList],
  [`/api/migration-runs/${string}/tenants`, RunResultPage],
  [`/api/migration-runs/${string}`, RunJson],
  [`/api/operations/${string}`, OperationView],
  ["/api/orphans", OrphanReport],
  ["/api/plans", PlanList],
  ["/api/tenants", TenantPage],
  [`/api/tenants/${string}/deletion-manifest`, DeletionRecord],
  [`/api/tenants/${string}/explain`, Explanation],
  [`/api/tenants/${string}/usage${string}`, UsageReport],
  [`/api/tenants/${string}`, TenantView],
];

type Posts = [
  ["/api/auth/login", SignedIn],
  ["/api/auth/refresh", SignedIn],
  ["/api/tenants/provision", ProvisionedView],
  [`/api/tenants/${string}/impersonate`, ImpersonationGrant],
  [`/api/tenants/${string}/resend-invitation`, Invitation],
  [`/api/tenants/${string}/${"reconcile" | "resume" | "retry" | "suspend" | "undelete"}`, StartedChange],
];

type Deletes = [[`/api/tenants/${string}`, StartedChange]];

/** An answer's body: what the route promises, and the fields of a problem when it refused. */
type Refusable<Body> = Body & Partial<Omit<Problem, keyof Body>>;

type WithoutQuery<Path extends string> = Path extends `${infer Before}?${string}` ? Before : Path;

type Find<Table, Path> = Table extends [[infer Pattern, infer Body], ...infer Rest]
  ? Path extends Pattern
    ? Refusable<Body>
    : Find<Rest, Path>
  : any;

/** `any` where only the running test knows the path, and for what has no schema: /metrics, /health, /openapi.json. */
export type GetBody<Path extends string> = Find<Gets, WithoutQuery<Path>>;
export type PostBody<Path extends string> = Find<Posts, Path>;
export type DeleteBody<Path extends string> = Find<Deletes, Path>;
