/** The new company's first token, carried from the form to the company's page. */
import type { ProvisionedView } from "../tenants/tenant-schemas.ts";
import type { PanelContext, Visit } from "./panel-context.ts";
import { keepShown, takeShown, type Shown } from "./shown-once.ts";

export type FirstAccess = Pick<ProvisionedView, "initialToken" | "setupUrl" | "worker">;

export function keepFirstAccess(ctx: PanelContext, visit: Visit, made: ProvisionedView): void {
  const { initialToken, setupUrl, worker } = made;
  keepShown(ctx, visit, placeOf(made.tenant.id), { initialToken, setupUrl, worker } satisfies FirstAccess);
}

export function takeFirstAccess(ctx: PanelContext, visit: Visit, companyId: number): FirstAccess | undefined {
  return takeShown(ctx, visit, placeOf(companyId)) as FirstAccess | undefined;
}

const placeOf = (companyId: number): Shown => ({
  name: "secretaria_first_access",
  path: `/tenants/${companyId}`,
  seal: `first-access:${companyId}`,
});
