import { expect } from "chai";
import type { OrphanReport } from "../control-plane/api/orphans.ts";
import { usePlatform } from "./support/platform.ts";

describe("the orphan report", () => {
  const platform = usePlatform({ workers: true });
  // Roles, Redis users and keys belong to the whole server, which other files of this run share: only ours are looked at.
  const report = async (id: number) => {
    const { clean: _, ...lists }: OrphanReport = (await platform.api.get("/api/orphans")).body;
    const isOurs = (entry: string | number) => String(entry).includes(String(id));
    return Object.fromEntries(
      Object.entries<readonly (string | number)[]>(lists).map(([name, list]) => [name, list.filter(isOurs)]),
    );
  };
  const nothing = {
    schemas: [],
    roles: [],
    namespaces: [],
    redisUsers: [],
    hosts: [],
    certificates: [],
    withoutSchema: [],
    withoutRole: [],
    withoutRedisUser: [],
    withoutNamespace: [],
  };

  it("names nothing of a company that lives, and nothing of one that was deleted", async () => {
    const tenant = await platform.createTenant();
    const { id } = tenant;
    await tenant.hasWorkers(1);
    expect(await report(id)).to.deep.equal(nothing);
    await tenant.purge();
    await tenant.becomes("deleted");
    expect(await report(id)).to.deep.equal(nothing);
  });

  it("names what is left without a company, and the company that lost its schema", async () => {
    const { id, schema } = await platform.createTenant();
    const stray = id + 7_000;
    await platform.query(`CREATE SCHEMA tenant_${stray}`);
    await platform.query(`CREATE ROLE tenant_${stray}`);
    await platform.ctx.redis.set(`tenant:{${stray}}:left`, "1");
    await platform.ctx.redis.call("ACL", "SETUSER", `tenant_${stray}`);
    await platform.query(`ALTER SCHEMA ${schema} RENAME TO hidden_${id}`);
    try {
      expect(await report(stray)).to.deep.equal({
        ...nothing,
        schemas: [`tenant_${stray}`],
        roles: [`tenant_${stray}`],
        namespaces: [`tenant:{${stray}}:`],
        redisUsers: [`tenant_${stray}`],
      });
      expect(await report(id)).to.deep.equal({ ...nothing, withoutSchema: [id] });
    } finally {
      await platform.query(`ALTER SCHEMA hidden_${id} RENAME TO ${schema}`);
      await platform.query(`DROP SCHEMA tenant_${stray}`);
      await platform.query(`DROP ROLE tenant_${stray}`);
      await platform.ctx.redis.del(`tenant:{${stray}}:left`);
      await platform.ctx.redis.call("ACL", "DELUSER", `tenant_${stray}`);
    }
  });

  it("names the company that lost its role, its Redis user and its namespace", async () => {
    const { id } = await platform.createTenant();
    await platform.query(`ALTER ROLE tenant_${id} RENAME TO hidden_${id}`);
    await platform.ctx.redis.call("ACL", "DELUSER", `tenant_${id}`);
    const keys = await platform.ctx.redis.keys(`tenant:{${id}}:*`);
    await platform.ctx.redis.unlink(...keys);
    try {
      expect(await report(id)).to.deep.equal({
        ...nothing,
        withoutRole: [id],
        withoutRedisUser: [id],
        withoutNamespace: [id],
      });
    } finally {
      await platform.query(`ALTER ROLE hidden_${id} RENAME TO tenant_${id}`);
    }
  });

  it("names hosts and certificates of a removed company, and no spare schema", async () => {
    const tenant = await platform.createTenant({ slug: "orfa" });
    const { id } = tenant;
    await tenant.becomesReady();
    const [certificate] = await platform.query<{ id: number }>(
      "SELECT id::int FROM certificates WHERE company_id = $1",
      [id],
    );
    // Somebody else's lease: nothing of it is removed while it is looked at.
    await platform.query("UPDATE tenant_leases SET expires_at = now() + interval '1 hour' WHERE company_id = $1", [id]);
    await platform.query("UPDATE companies SET desired_state = 'rolled_back' WHERE id = $1", [id]);
    const { body: orphans } = await platform.api.get("/api/orphans");
    expect(orphans).to.deep.include({
      clean: false,
      hosts: ["chat.orfa.localhost", "api.orfa.localhost"],
      certificates: [certificate?.id],
    });
    expect(await report(id)).to.deep.include({ schemas: [`tenant_${id}`], roles: [`tenant_${id}`], withoutSchema: [] });
    await platform.query("UPDATE companies SET desired_state = 'active' WHERE id = $1", [id]);

    const spare = id + 9_000;
    await platform.query(`CREATE SCHEMA tenant_${spare}`);
    await platform.query("INSERT INTO spare_tenants (id, uuid, version) VALUES ($1, gen_random_uuid(), 'x')", [spare]);
    expect(await report(spare)).to.deep.equal(nothing);
    await platform.query("DELETE FROM spare_tenants WHERE id = $1", [spare]);
    await platform.query(`DROP SCHEMA tenant_${spare}`);
  });
});
