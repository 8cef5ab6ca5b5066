/** What a person may ask for about a company, besides trying again, each on a page of its own. */
import { hasRole, type Actor, type Role } from "../accounts/authenticate.ts";
import type { CompanyRow } from "../lifecycle/tenant-store.ts";
import type { Locale } from "./locale.ts";

/** Where on the company's page the way to the act is. */
type Place = "company" | "inspection" | "owner";

interface Act {
  readonly least: Role;
  readonly place: Place;
  /** The company is in a state of which this act is the next step. */
  readonly fits: (company: CompanyRow) => boolean;
}

export const acts = {
  resume: { least: "operator", place: "company", fits: (company) => company.desired_state === "suspended" },
  undelete: { least: "admin", place: "company", fits: (company) => company.desired_state === "closed" },
  suspend: {
    least: "operator",
    place: "company",
    fits: (company) => company.desired_state === "active" && company.first_active_at !== null,
  },
  delete: {
    least: "admin",
    place: "company",
    fits: (company) => ["active", "suspended", "closed"].includes(company.desired_state),
  },
  reconcile: { least: "operator", place: "inspection", fits: isInspected },
  invite: {
    least: "operator",
    place: "owner",
    fits: isServed,
  },
  impersonate: { least: "operator", place: "owner", fits: isServed },
} as const satisfies Readonly<Record<string, Act>>;

export type ActName = keyof typeof acts;

function isServed({ status }: CompanyRow): boolean {
  return status === "active" || status === "degraded";
}

/** It was served once and is to be: everything it owns is looked at now and then. */
export function isInspected({ desired_state: desired, first_active_at: since }: CompanyRow): boolean {
  return (desired === "active" || desired === "suspended") && since !== null;
}

/** Links to the pages of a place's acts that fit, of those that the person may do; the way back first, the dangerous one last. */
export function presentActs(locale: Locale, company: CompanyRow, { actor, place }: { actor: Actor; place: Place }) {
  const names = (Object.keys(acts) as ActName[]).filter(
    (name) => acts[name].place === place && acts[name].fits(company) && hasRole(actor, acts[name].least),
  );
  return names.map((name) => ({
    name,
    href: `/tenants/${company.id}/${name}`,
    text: locale.find(`act.${name}.${company.desired_state}`) ?? locale.text(`act.${name}`),
    isDangerous: name === "delete",
  }));
}
