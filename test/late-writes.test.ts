/** A process that wakes up after its lease. */
import { expect } from "chai";
import type { ControlContext } from "../control-plane/context.ts";
import { convergeLeased } from "../control-plane/lifecycle/converge.ts";
import { takeLease } from "../control-plane/lifecycle/lease.ts";
import { usePlatform } from "./support/platform.ts";
import { unlessEnded, until } from "./support/wait.ts";

describe("a control plane that sleeps longer than its lease", () => {
  const platform = usePlatform({ workers: true });

  /** The same context, whose next pipelines to Redis wait, the `number`th of them, until they are let go. */
  const sleepyAt = (number: number): { ctx: ControlContext; asleep: Promise<void>; wake: () => void } => {
    let wake = () => {};
    let fallAsleep = () => {};
    const awake = new Promise<void>((resolve) => (wake = resolve));
    const asleep = new Promise<void>((resolve) => (fallAsleep = resolve));
    let pipelines = 0;
    const pipeline = () => {
      const real = platform.ctx.redis.pipeline();
      const exec = real.exec.bind(real);
      pipelines += 1;
      if (pipelines !== number) return real;
      real.exec = async () => {
        fallAsleep();
        await awake;
        return exec();
      };
      return real;
    };
    const redis = new Proxy(platform.ctx.redis, {
      get(target, key) {
        if (key === "pipeline") return pipeline;
        const value: unknown = Reflect.get(target, key);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    return { ctx: { ...platform.ctx, instance: "sleepy", redis }, asleep, wake };
  };

  /** The platform's own process may take the lease the moment it has expired when it wakes up for the company. */
  const takeOver = async (ctx: ControlContext, id: number): Promise<number> => {
    const fence = await until(
      async () => {
        await platform.query("UPDATE tenant_leases SET expires_at = now() WHERE company_id = $1", [id]);
        return takeLease(ctx, id);
      },
      (token) => token !== undefined,
      { what: `lease of ${id}` },
    );
    return fence as number;
  };

  /** A company, and a process that holds it and fell asleep about to make its Redis user: the second pipeline of that step. */
  const sleepBeforeRedis = async () => {
    const tenant = await platform.createTenant();
    const { id } = tenant;
    await tenant.becomes("active");
    await tenant.hasWorkers(1);
    const { ctx, asleep, wake } = sleepyAt(2);
    const fence = await takeOver(ctx, id);
    await platform.query(
      "UPDATE tenant_resources SET status = 'pending', next_attempt_at = now() WHERE company_id = $1 AND name = 'cache'",
      [id],
    );
    const late = convergeLeased(ctx, id, { fence });
    await unlessEnded(asleep, late, "the pipeline that makes the Redis user");
    return { tenant, wake, late };
  };

  it("takes back what it wrote to Redis for a company that was removed meanwhile", async () => {
    const { tenant, wake, late } = await sleepBeforeRedis();
    const { id } = tenant;
    await platform.query("UPDATE tenant_leases SET token = token + 1, expires_at = now() WHERE company_id = $1", [id]);
    await tenant.purge();
    await tenant.becomes("deleted");
    expect(await platform.ctx.redis.call("ACL", "GETUSER", `tenant_${id}`)).to.equal(null);

    wake();
    await late;
    expect(await platform.ctx.redis.call("ACL", "GETUSER", `tenant_${id}`)).to.equal(null);
    expect(await platform.ctx.redis.keys(`tenant:{${id}}:*`)).to.deep.equal([]);
  });

  it("leaves the Redis data of a company whose rows a registry restore lost", async () => {
    const { tenant, wake, late } = await sleepBeforeRedis();
    const { id, uuid } = tenant;
    for (const table of ["domains", "operations"])
      await platform.query(`DELETE FROM ${table} WHERE company_id = $1`, [id]);
    await platform.query("DELETE FROM companies WHERE id = $1", [id]);
    wake();
    await late;
    expect(await platform.ctx.redis.hget(`tenant:{${id}}:meta`, "mark")).to.equal(`secretaria tenant ${uuid}`);
    expect(await platform.ctx.redis.exists(`tenant:{${id}}:queue:default:meta`)).to.equal(1);
  });
});
