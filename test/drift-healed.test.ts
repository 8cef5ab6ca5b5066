/** What somebody took away or changed that can be made again as it was: it is, and the audit log says so. */
import { expect } from "chai";
import { withTenantQueue } from "../core/queues.ts";
import { actsOf, changeBetweenInspections, INSPECTION_HOURS, inspected, provision } from "./support/inspections.ts";
import { usePlatform } from "./support/platform.ts";
import type { TestTenant } from "./support/tenant.ts";
import { until } from "./support/wait.ts";

describe("drift of what holds nothing of a person's is healed:", () => {
  const platform = usePlatform({ workers: true, config: { INSPECTION_HOURS } });
  const acts = (id: number, action: string) => actsOf(platform, id, action);
  let company: TestTenant;
  before(async () => {
    company = await provision(platform.api);
    await inspected(platform.api, company.path, "ok");
  });

  const cases: Readonly<
    Record<
      string,
      {
        resource: string;
        harm: (id: number) => Promise<unknown>;
        isBack: (id: number) => Promise<boolean>;
        /** Another process restores it too: it is done again until the inspection has come by. */
        again?: true;
      }
    >
  > = {
    "a Redis user that was deleted": {
      resource: "cache",
      harm: (id) => platform.ctx.redis.call("ACL", "DELUSER", `tenant_${id}`),
      isBack: async (id) => (await platform.ctx.redis.call("ACL", "GETUSER", `tenant_${id}`)) !== null,
    },
    "a Redis user that reaches all keys": {
      resource: "cache",
      harm: (id) => platform.ctx.redis.call("ACL", "SETUSER", `tenant_${id}`, "allkeys"),
      isBack: async (id) =>
        ((await platform.ctx.redis.call("ACL", "GETUSER", `tenant_${id}`)) as unknown[]).includes(`~tenant:{${id}}:*`),
    },
    "a queue without its meta": {
      resource: "queue",
      harm: (id) => platform.ctx.redis.del(`tenant:{${id}}:queue:default:meta`),
      isBack: async (id) => (await platform.ctx.redis.hget(`tenant:{${id}}:queue:default:meta`, "version")) !== null,
    },
    "a queue that a person paused": {
      resource: "queue",
      harm: (id) => withTenantQueue(platform.ctx.queues, { companyId: id }, (queue) => queue.pause()),
      isBack: (id) =>
        withTenantQueue(platform.ctx.queues, { companyId: id }, async (queue) => !(await queue.isPaused())),
    },
    "a host whose row is gone": {
      resource: "dns",
      harm: (id) => platform.query("DELETE FROM domains WHERE company_id = $1 AND kind = 'api'", [id]),
      isBack: async (id) =>
        (
          await platform.query(
            "SELECT 1 FROM domains WHERE company_id = $1 AND domain_status = 'ready' AND ssl_status = 'active'",
            [id],
          )
        ).length === 2,
    },
    "a certificate that is gone": {
      resource: "certificate",
      harm: async (id) => {
        await changeBetweenInspections(platform, id, [
          `UPDATE domains SET ssl_status = 'pending' WHERE company_id = ${id}`,
          `DELETE FROM certificates WHERE company_id = ${id}`,
        ]);
      },
      isBack: async (id) =>
        (await platform.query("SELECT 1 FROM domains WHERE company_id = $1 AND ssl_status = 'active'", [id])).length ===
        2,
    },
    "a worker missing from the registry": {
      resource: "worker",
      again: true,
      harm: (id) => platform.ctx.redis.del(`tenant:{${id}}:workers`),
      isBack: async (id) => (await platform.ctx.redis.scard(`tenant:{${id}}:workers`)) === 1,
    },
    "a role that a restored server does not have": {
      resource: "database",
      harm: async (id) => {
        await changeBetweenInspections(platform, id, [`DROP OWNED BY tenant_${id}`, `DROP ROLE tenant_${id}`]);
      },
      isBack: async (id) =>
        (
          await platform.query(
            `SELECT 1 FROM pg_roles WHERE rolname = $1 AND has_table_privilege(oid, 'tenant_${id}.customers', 'INSERT')
               AND NOT has_table_privilege(oid, 'tenant_${id}.knex_migrations', 'SELECT')`,
            [`tenant_${id}`],
          )
        ).length === 1,
    },
  };
  for (const [what, { resource, harm, isBack, again }] of Object.entries(cases)) {
    it(what, async () => {
      const { id, path } = company;
      const before = (await acts(id, "tenant.drift-found")).length;
      const isFound = async () => again === undefined || (await acts(id, "tenant.drift-found")).length > before;
      await until(() => harm(id).then(isFound), Boolean, { what: "a finding" });
      await until(() => isBack(id).catch(() => false), Boolean, { what: "healing" });
      await inspected(platform.api, path, "ok");
      const found = (await acts(id, "tenant.drift-found")).slice(before);
      expect(found[0]?.actor).to.equal("system");
      const finding = found.flatMap(({ findings }) => findings).find((one) => one.resource === resource);
      expect(finding?.action).to.equal("healing");
      expect((await company.get()).status).to.equal("active");
    });
  }

  it("each with an entry in the audit log when it was found and one when it was over", async () => {
    const count = async (action: string) => (await acts(company.id, action)).flatMap(({ findings }) => findings).length;
    expect(await count("tenant.drift-gone")).to.be.greaterThanOrEqual(Object.keys(cases).length);
    expect(await count("tenant.drift-found")).to.be.greaterThanOrEqual(Object.keys(cases).length);
  });
});
