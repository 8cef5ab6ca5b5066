/** What a person may ask for about a company, besides trying again: suspend, resume, delete, undelete. */
import { hasRole, type Actor, type Role } from "../accounts/authenticate.ts";
import type { CompanyRow } from "../lifecycle/tenant-store.ts";
import type { Locale } from "./locale.ts";

interface Act {
  readonly least: Role;
  /** The company is in a state of which this act is the next step. */
  readonly fits: (company: CompanyRow) => boolean;
}

export const acts = {
  resume: { least: "operator", fits: (company) => company.desired_state === "suspended" },
  undelete: { least: "admin", fits: (company) => company.desired_state === "closed" },
  suspend: {
    least: "operator",
    fits: (company) => company.desired_state === "active" && company.first_active_at !== null,
  },
  delete: { least: "admin", fits: (company) => ["active", "suspended", "closed"].includes(company.desired_state) },
} as const satisfies Readonly<Record<string, Act>>;

export type ActName = keyof typeof acts;

/** Links to the pages of the acts that fit, of those that the person may do; the way back first, the dangerous one last. */
export function presentActs(locale: Locale, company: CompanyRow, actor: Actor) {
  const names = (Object.keys(acts) as ActName[]).filter(
    (name) => acts[name].fits(company) && hasRole(actor, acts[name].least),
  );
  return names.map((name) => ({
    name,
    href: `/tenants/${company.id}/${name}`,
    text: locale.find(`act.${name}.${company.desired_state}`) ?? locale.text(`act.${name}`),
    isDangerous: name === "delete",
  }));
}
