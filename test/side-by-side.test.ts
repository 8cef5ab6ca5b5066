/** Two control planes on one database are the normal case. */
import { expect } from "chai";
import { newCompany, type ApiClient } from "./support/api-client.ts";
import { usePlatform } from "./support/platform.ts";
import { useSecondPlane } from "./support/second-plane.ts";
import { createTenant, respondAsync } from "./support/tenant.ts";
import { tenantAt } from "./support/tenant-waits.ts";

describe("two control planes side by side", () => {
  const platform = usePlatform({ workers: true });
  const second = useSecondPlane(platform);

  it("make each company once, whichever was asked and whichever sweeps", async () => {
    const planes = [platform.api, second];
    const asked = await Promise.all(
      Array.from({ length: 24 }, (_, i) => createTenant(planes[i % 2] as ApiClient, {}, respondAsync)),
    );
    expect(asked.map(({ answer }) => answer.status)).to.deep.equal(Array(24).fill(202));
    for (const { id } of asked) {
      await tenantAt(second, id).becomesReady({ seconds: 60 });
      const [counts] = await platform.query(
        `SELECT (SELECT count(*)::int FROM tenant_${id}.users) AS users,
                (SELECT count(*)::int FROM certificates WHERE company_id = $1) AS certificates,
                (SELECT count(*)::int FROM operation_events e JOIN operations o ON o.id = e.operation_id
                  WHERE company_id = $1 AND e.type = 'operation.succeeded') AS endings`,
        [id],
      );
      expect(counts).to.deep.equal({ users: 1, certificates: 1, endings: 1 });
    }
  });

  it("give one slug once, and one idempotency key one company, asked of both at once", async () => {
    const company = newCompany();
    const answers = await Promise.all(
      [platform.api, second].flatMap((api) =>
        Array.from({ length: 5 }, () => api.post("/api/tenants/provision", { ...newCompany(), slug: company["slug"] })),
      ),
    );
    expect(answers.filter(({ status }) => status === 201)).to.have.length(1);
    expect(answers.filter(({ body }) => body.code === "slug-taken")).to.have.length(9);
    const other = newCompany();
    const key = { "Idempotency-Key": crypto.randomUUID() };
    await Promise.all(
      [platform.api, second].flatMap((api) =>
        Array.from({ length: 5 }, () => api.post("/api/tenants/provision", other, key)),
      ),
    );
    expect(await platform.query("SELECT 1 FROM companies WHERE slug = $1", [other["slug"]])).to.have.length(1);
  });

  it("finish what the other began: suspended here, resumed there, deleted here", async () => {
    const tenant = await platform.createTenant();
    const onSecond = tenantAt(second, tenant.id);
    await platform.api.post(`${tenant.path}/suspend`);
    await onSecond.becomes("suspended");
    await second.post(`${tenant.path}/resume`);
    await tenant.becomes("active");
    await tenant.purge();
    await onSecond.becomes("deleted");
  });
});
