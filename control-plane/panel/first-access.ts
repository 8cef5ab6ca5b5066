/**
 * The new company's first token, carried from the form to the company's page in a sealed cookie: an address would end
 * up in logs and histories. It is shown once and gone.
 */
import { readCookie } from "../accounts/authenticate.ts";
import type { ProvisionedView } from "../tenants/tenant-schemas.ts";
import type { PanelContext, Visit } from "./panel-context.ts";
import { cookieOptions } from "./session-cookie.ts";

export type FirstAccess = Pick<ProvisionedView, "initialToken" | "setupUrl" | "worker">;

const cookie = "secretaria_first_access";
const lifeMs = 120_000;

export function keepFirstAccess(ctx: PanelContext, { req, res }: Visit, made: ProvisionedView): void {
  const { initialToken, setupUrl, worker } = made;
  const access: FirstAccess = { initialToken, setupUrl, worker };
  const options = { ...cookieOptions(ctx, req), path: `/tenants/${made.tenant.id}`, maxAge: lifeMs };
  res.cookie(cookie, ctx.secrets.seal(JSON.stringify(access), sealContext(made.tenant.id)), options);
}

/** Undefined when there is none for this company, or when it was tampered with. */
export function takeFirstAccess(ctx: PanelContext, { req, res }: Visit, companyId: number): FirstAccess | undefined {
  const sealed = readCookie(req, cookie);
  if (sealed === undefined) return undefined;
  res.clearCookie(cookie, { ...cookieOptions(ctx, req), path: `/tenants/${companyId}` });
  try {
    return JSON.parse(ctx.secrets.open(sealed, sealContext(companyId))) as FirstAccess;
  } catch {
    return undefined;
  }
}

const sealContext = (companyId: number): string => `panel:first-access:${companyId}`;
