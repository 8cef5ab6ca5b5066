/** One contract for everything that a tenant owns. */
import { expect } from "chai";
import type { LeasedTenant, Resource } from "../control-plane/lifecycle/resource.ts";
import { ownedResources, resources } from "../control-plane/lifecycle/resources/index.ts";
import { takeLease } from "../control-plane/lifecycle/lease.ts";
import { readLeasedTenant } from "../control-plane/lifecycle/tenant-store.ts";
import { openRedis } from "../core/redis.ts";
import { ResourceError } from "../core/errors.ts";
import { metaKey, redisNamespace } from "../core/tenant.ts";
import { usePlatform, type Platform } from "./support/platform.ts";

describe("resource contract", () => {
  const platform = usePlatform({ workers: true });

  for (const resource of ownedResources) {
    describe(resource.name, () => {
      let tenant: LeasedTenant;
      before(async () => {
        tenant = await tenantWithout(platform, resource);
      });

      it("is absent before it was made, and destroying it then is no error", async () => {
        expect(await resource.inspect(platform.ctx, tenant)).to.deep.equal({ state: "absent" });
        await resource.destroy(platform.ctx, tenant);
        expect(await resource.inspect(platform.ctx, tenant)).to.deep.equal({ state: "absent" });
      });

      it("is present after ensure, once and twice", async () => {
        await resource.ensure(platform.ctx, tenant);
        expect(await resource.inspect(platform.ctx, tenant)).to.deep.equal({ state: "present" });
        await resource.ensure(platform.ctx, tenant);
        expect(await resource.inspect(platform.ctx, tenant)).to.deep.equal({ state: "present" });
      });

      it("is absent after destroy, once and twice", async () => {
        // Workers leave when their company is no longer wanted.
        await platform.query("UPDATE companies SET desired_state = 'deleted' WHERE id = $1", [tenant.id]);
        await resource.destroy(platform.ctx, tenant);
        expect(await resource.inspect(platform.ctx, tenant)).to.deep.equal({ state: "absent" });
        await resource.destroy(platform.ctx, tenant);
        expect(await resource.inspect(platform.ctx, tenant)).to.deep.equal({ state: "absent" });
      });

      it("can be made again after it was destroyed", async () => {
        await platform.query("UPDATE companies SET desired_state = 'active' WHERE id = $1", [tenant.id]);
        await resource.ensure(platform.ctx, tenant);
        expect(await resource.inspect(platform.ctx, tenant)).to.deep.equal({ state: "present" });
      });
    });
  }

  it("of the database: a stranger's schema is a conflict and is left alone", async () => {
    const tenant = await newTenant(platform);
    await platform.query(`CREATE SCHEMA tenant_${tenant.id}`);
    const [database] = resources as [Resource];
    const error = await database.ensure(platform.ctx, tenant).catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(ResourceError);
    expect((error as ResourceError).retry).to.equal("conflict");
    const refused = await database.destroy(platform.ctx, tenant).catch((reason: unknown) => reason);
    expect((refused as ResourceError).retry).to.equal("conflict");
    expect(
      await platform.query("SELECT 1 FROM pg_namespace WHERE nspname = $1", [`tenant_${tenant.id}`]),
    ).to.have.length(1);
  });

  it("of the cache: a namespace that carries another mark is a conflict", async () => {
    const tenant = await newTenant(platform);
    await platform.ctx.redis.hset(metaKey(tenant.id), "mark", "somebody else");
    const error = await byName("cache")
      .ensure(platform.ctx, tenant)
      .catch((reason: unknown) => reason);
    expect((error as ResourceError).retry).to.equal("conflict");
    await platform.ctx.redis.del(metaKey(tenant.id));
  });

  it("of the cache: a widened user is seen as drift and put right by ensure", async () => {
    const tenant = await newTenant(platform);
    const cache = byName("cache");
    await cache.ensure(platform.ctx, tenant);
    await platform.ctx.redis.call("ACL", "SETUSER", `tenant_${tenant.id}`, "allkeys", "nopass");
    const inspection = await cache.inspect(platform.ctx, tenant);
    expect(inspection.state).to.equal("drifted");
    await cache.ensure(platform.ctx, tenant);
    expect(await cache.inspect(platform.ctx, tenant)).to.deep.equal({ state: "present" });
  });

  it("of the cache: destroy leaves no key of the namespace and a neighbour's untouched", async () => {
    const [gone, neighbour] = [await newTenant(platform), await newTenant(platform)];
    for (const { id } of [gone, neighbour]) {
      for (let i = 0; i < 1200; i += 1) await platform.ctx.redis.set(`${redisNamespace(id)}x:${i}`, "1");
    }
    await byName("cache").destroy(platform.ctx, gone);
    expect(await platform.ctx.redis.keys(`${redisNamespace(gone.id)}*`)).to.deep.equal([]);
    expect(await platform.ctx.redis.keys(`${redisNamespace(neighbour.id)}*`)).to.have.length(1200);
  });

  it("of the database: a process that lost the tenant changes nothing", async () => {
    const tenant = await newTenant(platform);
    await platform.query("UPDATE tenant_leases SET expires_at = now() - interval '1 second' WHERE company_id = $1", [
      tenant.id,
    ]);
    expect(await takeLease(platform.ctx, tenant.id)).to.equal(tenant.fence + 1);
    const error = await byName("database")
      .ensure(platform.ctx, tenant)
      .catch((reason: unknown) => reason);
    expect((error as Error).name).to.equal("LeaseLost");
    expect(
      await platform.query("SELECT 1 FROM pg_namespace WHERE nspname = $1", [`tenant_${tenant.id}`]),
    ).to.have.length(0);
  });

  it("of Redis resources: an unreachable server is an error, never 'absent'", async () => {
    const tenant = await newTenant(platform);
    const redis = openRedis("redis://127.0.0.1:1", platform.ctx.log);
    try {
      for (const name of ["cache", "queue", "worker"]) {
        const error = await byName(name)
          .inspect({ ...platform.ctx, redis }, tenant)
          .catch((reason: unknown) => reason);
        expect(error, name).to.be.instanceOf(Error);
      }
    } finally {
      redis.disconnect();
    }
  });
});

const byName = (name: string): Resource => resources.find((resource) => resource.name === name) as Resource;

let number = 0;

/** A company's row with hosts' rows missing, leased by this process, owning nothing yet. */
async function newTenant(platform: Platform): Promise<LeasedTenant> {
  number += 1;
  const [row] = await platform.query<{ id: number }>(
    `WITH made AS (
       INSERT INTO companies (name, slug, domain, base_domain, owner_name, owner_email, cluster_id)
       VALUES ('Contrato', $1, $2, 'localhost', 'Ana', 'ana@example.com', 1) RETURNING id)
     , subscribed AS (INSERT INTO subscriptions (company_id, plan_id) SELECT id, 1 FROM made)
     SELECT id::int FROM made`,
    [`contrato-${number}`, `contrato-${number}.com.br`],
  );
  const id = row?.id as number;
  const fence = await takeLease({ ...platform.ctx, config: { ...platform.config, LEASE_SECONDS: 600 } }, id);
  if (fence === undefined) throw new Error("a new company's lease is free");
  return readLeasedTenant(platform.ctx.db, id, fence);
}

/** A tenant that has everything the resource builds on, and not the resource. */
async function tenantWithout(platform: Platform, resource: Resource): Promise<LeasedTenant> {
  const tenant = await newTenant(platform);
  const ensured = new Set<string>();
  const ensureBefore = async (one: Resource): Promise<void> => {
    for (const name of one.after) {
      await ensureBefore(byName(name));
      if (!ensured.has(name)) await byName(name).ensure(platform.ctx, tenant);
      ensured.add(name);
    }
  };
  await ensureBefore(resource);
  return tenant;
}
