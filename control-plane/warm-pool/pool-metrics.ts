import { Counter, Gauge, type Registry } from "prom-client";
import { tenantVersion } from "../../core/migrations/version.ts";
import type { ControlContext } from "../context.ts";

/** `secretaria_warm_tenants`, counted at every scrape, and `secretaria_provisions_total{source="warm|cold"}` of this process. */
export function exposeWarmPool(registry: Registry, ctx: ControlContext): { spares: Gauge; provisions: Counter } {
  const spares = new Gauge({
    name: "secretaria_warm_tenants",
    help: "Schemas ready for the next companies, at the version of this control plane.",
    registers: [registry],
    async collect() {
      try {
        const [row] = await ctx
          .db("spare_tenants")
          .where({ version: await tenantVersion() })
          .count();
        this.set(Number(row?.["count"]));
      } catch (error) {
        this.remove();
        ctx.log.debug({ err: error }, "spare schemas were not counted");
      }
    },
  });
  const provisions = new Counter({
    name: "secretaria_provisions_total",
    help: "Companies created, by whether their schema had been made ahead (warm) or had yet to be made (cold).",
    labelNames: ["source"],
    registers: [registry],
    collect() {
      this.reset();
      for (const source of ["warm", "cold"] as const) this.inc({ source }, ctx.warmPool.provisions[source]);
    },
  });
  return { spares, provisions };
}
