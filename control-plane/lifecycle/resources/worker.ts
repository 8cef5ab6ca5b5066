/** At least one worker is registered for the tenant and alive. The supervisor of the workers program starts it. */
import { setTimeout as sleep } from "node:timers/promises";
import { ResourceError } from "../../../core/errors.ts";
import { orderWorkers } from "../../../core/queues.ts";
import { countWorkers, forgetDeadWorkers } from "../../../core/worker-registry.ts";
import type { ControlContext } from "../../context.ts";
import { isLeftToStranger, refuseForeignNamespace } from "./namespace-mark.ts";
import type { Inspection, LeasedTenant, Resource } from "../resource.ts";

/** How long an order may take before the attempt counts as failed and is made again later. */
const patienceMs = 3_000;

export const worker: Resource = {
  name: "worker",
  after: ["database", "cache", "queue"],

  async inspect(ctx, tenant): Promise<Inspection> {
    if (await isLeftToStranger(ctx, tenant)) return { state: "absent" };
    return { state: (await alive(ctx, tenant)) > 0 ? "present" : "absent" };
  },

  async ensure(ctx, tenant) {
    if ((await alive(ctx, tenant)) > 0) return;
    // An order that nobody took since the last attempt: nobody is there to wait for.
    const isUntaken = await orderWorkers(ctx.queues, "worker.start", { companyId: tenant.id });
    if (!isUntaken && (await becomes(ctx, tenant, (count) => count > 0))) return;
    throw new ResourceError(
      "transient",
      "worker-not-started",
      "no worker answered the order yet; is the workers program running?",
    );
  },

  async destroy(ctx, tenant) {
    if (await isLeftToStranger(ctx, tenant)) return;
    await refuseForeignNamespace(ctx, tenant);
    // Workers end by themselves when their company is no longer active.
    if ((await alive(ctx, tenant)) > 0 && !(await becomes(ctx, tenant, (count) => count === 0))) {
      throw new ResourceError("transient", "worker-not-stopped", "a worker of this company is still running; stop it");
    }
    await forgetDeadWorkers(ctx.redis, tenant.id);
  },
};

async function alive(ctx: ControlContext, tenant: LeasedTenant): Promise<number> {
  return (await countWorkers(ctx.redis, [tenant.id])).get(tenant.id) ?? 0;
}

async function becomes(
  ctx: ControlContext,
  tenant: LeasedTenant,
  wanted: (count: number) => boolean,
): Promise<boolean> {
  const deadline = Date.now() + patienceMs;
  let pause = 20;
  while (Date.now() < deadline) {
    await sleep(pause);
    if (wanted(await alive(ctx, tenant))) return true;
    pause = Math.min(pause * 1.5, 250);
  }
  return false;
}
