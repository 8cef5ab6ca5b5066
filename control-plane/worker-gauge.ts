import { Gauge, type Registry } from "prom-client";
import { countWorkers } from "../core/worker-registry.ts";
import type { ControlContext } from "./context.ts";

/** `secretaria_tenant_active_workers{company="<id>"}`, counted at every scrape; without Redis the series are absent, not zero. */
export function exposeWorkerGauge(registry: Registry, ctx: ControlContext): Gauge<"company"> {
  return new Gauge({
    name: "secretaria_tenant_active_workers",
    help: "Workers registered for a company whose heartbeat is alive.",
    labelNames: ["company"],
    registers: [registry],
    async collect() {
      this.reset();
      try {
        const ids: number[] = await ctx.db("companies").where({ desired_state: "active" }).pluck("id");
        for (const [id, count] of await countWorkers(ctx.redis, ids)) this.set({ company: String(id) }, count);
      } catch (error) {
        ctx.log.debug({ err: error }, "workers were not counted");
      }
    },
  });
}
