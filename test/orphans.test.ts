import { expect } from "chai";
import { newCompany } from "./support/api-client.ts";
import { usePlatform } from "./support/platform.ts";
import { until } from "./support/wait.ts";

describe("the orphan report", () => {
  const platform = usePlatform({ workers: true });
  // Roles, Redis users and keys belong to the whole server, which other files of this run share: only ours are looked at.
  const report = async (id: number) => {
    const { body } = await platform.api.get("/api/orphans");
    const isOurs = (entry: string | number) => String(entry).includes(String(id));
    return Object.fromEntries(
      Object.entries(body as Record<string, (string | number)[]>)
        .filter(([name]) => name !== "clean")
        .map(([name, list]) => [name, list.filter(isOurs)]),
    );
  };
  const nothing = { schemas: [], roles: [], namespaces: [], redisUsers: [], withoutSchema: [], certificates: [] };

  it("names nothing of a company that lives, and nothing of one that was deleted", async () => {
    const { body } = await platform.api.post("/api/tenants/provision", newCompany());
    const { id } = body.tenant;
    const path = `/api/tenants/${id}`;
    await until(
      () => platform.api.get(path),
      (answer) => answer.body.activeWorkers === 1,
    );
    expect(await report(id)).to.deep.equal(nothing);
    await platform.api.purge(path);
    await until(
      () => platform.api.get(path),
      (answer) => answer.body.status === "deleted",
      { what: "deletion" },
    );
    expect(await report(id)).to.deep.equal(nothing);
  });

  it("names what is left without a company, and the company that lost its schema", async () => {
    const { body } = await platform.api.post("/api/tenants/provision", newCompany());
    const { id, schema } = body.tenant;
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
});
