import { Gauge, type Registry } from "prom-client";
import type { ControlContext } from "../../context.ts";

/** `secretaria_tenants_drifted`, counted at every scrape; without PostgreSQL there is no value. */
export function exposeDriftGauge(registry: Registry, ctx: ControlContext): Gauge {
  return new Gauge({
    name: "secretaria_tenants_drifted",
    help: "Companies whose last inspection found something that is not as it should be.",
    registers: [registry],
    async collect() {
      try {
        const [row] = await ctx.db("tenant_inspections").where({ result: "drifted" }).count({ count: "*" });
        this.set(Number(row?.["count"] ?? 0));
      } catch (error) {
        this.remove();
        ctx.log.debug({ err: error }, "drifted companies were not counted");
      }
    },
  });
}
