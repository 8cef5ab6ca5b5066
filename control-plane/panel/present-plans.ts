import type { listPlans } from "../tenants/plans.ts";
import type { Locale } from "./locale.ts";

type Plans = Awaited<ReturnType<typeof listPlans>>;

/** Plans with price and modules in words; a module that came after these texts keeps its code. */
export function presentPlans(locale: Locale, plans: Plans, chosen: string | undefined) {
  return plans.map(({ code, name, price_cents, modules }) => ({
    code,
    name,
    priceCents: price_cents,
    modules: modules
      .map((module) => locale.find(`module.${module}`) ?? module)
      .toSorted((a, b) => a.localeCompare(b, locale.language))
      .join(", "),
    chosen: code === chosen,
  }));
}
