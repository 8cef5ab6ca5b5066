import type { TenantStatus } from "../../core/tenant.ts";
import { AppError } from "../../core/errors.ts";
import type { ControlContext } from "../context.ts";
import { companies, type CompanyRow } from "../lifecycle/tenant-store.ts";
import { presentTenants } from "./present-tenant.ts";
import type { TenantView } from "./tenant-schemas.ts";

export interface TenantQuery {
  readonly search?: string | undefined;
  readonly status?: TenantStatus | undefined;
  /** Only those whose last inspection found something that is not as it should be. */
  readonly drifted?: boolean;
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/** Newest first, by key: a page costs the same wherever it lies. `nextCursor` is null on the last page. */
export async function listTenants(
  ctx: ControlContext,
  query: TenantQuery,
): Promise<{ tenants: TenantView[]; nextCursor: string | null }> {
  const find = companies(ctx.db)
    .orderBy("companies.id", "desc")
    .limit(query.limit + 1);
  if (query.search) {
    const pattern = `%${query.search.replace(/[\\%_]/g, "\\$&")}%`;
    find.where((any) =>
      any.whereILike("companies.name", pattern).orWhereILike("slug", pattern).orWhereILike("domain", pattern),
    );
  }
  if (query.status) find.where("tenant_statuses.status", query.status);
  if (query.drifted) {
    const found = ctx.db("tenant_inspections").where({ result: "drifted" }).select("company_id");
    find.whereIn("companies.id", found);
  }
  if (query.cursor) find.where("companies.id", "<", readCursor(query.cursor));
  const rows = (await find) as CompanyRow[];
  const page = rows.slice(0, query.limit);
  const last = page.at(-1);
  const nextCursor = rows.length > page.length && last ? Buffer.from(`id:${last.id}`).toString("base64url") : null;
  return { tenants: await presentTenants(ctx, page), nextCursor };
}

function readCursor(cursor: string): number {
  const id = /^id:([1-9]\d{0,15})$/.exec(Buffer.from(cursor, "base64url").toString())?.[1];
  if (id !== undefined) return Number(id);
  const errors = [{ pointer: "#query/cursor", detail: "is not a cursor of this list" }];
  throw new AppError("invalid-request", "Use 'nextCursor' of the page before, unchanged.", { errors });
}
