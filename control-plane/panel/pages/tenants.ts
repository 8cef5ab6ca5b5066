import { z } from "zod";
import { listDrifted } from "../../lifecycle/inspection/inspection-store.ts";
import { listTenants, type TenantQuery } from "../../tenants/list-tenants.ts";
import { tenantSchema } from "../../tenants/tenant-schemas.ts";
import { toLine } from "../form.ts";
import { localeOf, show, type PanelContext, type PersonsVisit } from "../panel-context.ts";
import { presentCompany } from "../present-company.ts";
import { presentIsolation } from "../present-isolation.ts";

const pageSize = 25;
const statuses = tenantSchema.shape.status;
/** What the last inspection found is no status of a company, and yet a person looks for it in the same place. */
const choices = z.enum([...statuses.options, "drifted"]);

// A filter that is not one of ours is no filter: an old bookmark still shows the list.
const filterSchema = z.object({
  search: z.preprocess(
    toLine,
    z.string().transform((text) => text.slice(0, 120)),
  ),
  status: choices.optional().catch(undefined),
  cursor: z.string().max(200).optional().catch(undefined),
});

export async function showTenants(ctx: PanelContext, visit: PersonsVisit): Promise<void> {
  const locale = localeOf(ctx, visit);
  const filter = filterSchema.parse({ ...visit.req.query });
  const { tenants, nextCursor } = await listTenants(ctx, queryOf(filter));
  const drifted = await listDrifted(
    ctx.db,
    tenants.map(({ id }) => id),
  );
  const isFiltered = Boolean(filter.search || filter.status);
  const model = {
    tenants: tenants.map((tenant) => ({
      ...presentCompany(locale, tenant),
      hasDrifted: drifted.has(tenant.id),
    })),
    search: filter.search,
    statuses: choices.options.map((status) => ({
      status,
      text: locale.find(`tenants.status.${status}`) ?? locale.text(`status.${status}`),
      chosen: status === filter.status,
    })),
    isolation: await presentIsolation(ctx, locale),
    isFiltered,
    isEmpty: tenants.length === 0 && !isFiltered && !filter.cursor,
    firstPage: filter.cursor && pageAddress({ ...filter, cursor: undefined }),
    nextPage: nextCursor && pageAddress({ ...filter, cursor: nextCursor }),
  };
  show(ctx, visit, { view: "tenants", title: locale.text("tenants.title"), model });
}

type Filter = z.output<typeof filterSchema>;

function queryOf({ status, ...filter }: Filter): TenantQuery {
  return { ...filter, limit: pageSize, ...(status === "drifted" ? { drifted: true } : { status }) };
}

function pageAddress({ search, status, cursor }: Filter): string {
  const given = Object.entries({ search, status, cursor }).filter((entry): entry is [string, string] => !!entry[1]);
  return `/tenants?${new URLSearchParams(given).toString()}`;
}
