/** Something fails for good before the company was ever served. */
import { expect } from "chai";
import { ResourceError } from "../core/errors.ts";
import { newCompany } from "./support/api-client.ts";
import { usePlatform } from "./support/platform.ts";
import { schemaRefusal, withoutNewSchemas } from "./support/refused-schema.ts";
import { resourceOf, tenantAt } from "./support/tenant-waits.ts";
import { until } from "./support/wait.ts";

describe("a provisioning that fails for good", () => {
  const platform = usePlatform({ workers: true });
  const plan = { code: "sob-medida", name: "Sob medida", priceCents: 100 };

  const rowsOf = async (slug: string) => {
    const [row] = await platform.query<Record<string, number>>(
      `SELECT (SELECT count(*)::int FROM companies WHERE slug = $1) AS companies,
              (SELECT count(*)::int FROM domains WHERE host LIKE '%.' || $1 || '.%') AS hosts,
              (SELECT count(*)::int FROM plans WHERE code = 'sob-medida') AS plans`,
      [slug],
    );
    return row;
  };

  it("is rolled back: its operation and audit rows stay, and the same request works", async () => {
    const company = newCompany({ plan });
    const key = { "Idempotency-Key": crypto.randomUUID() };
    const slug = company["slug"] as string;
    const failed = await withoutNewSchemas(platform, () => platform.api.post("/api/tenants/provision", company, key));
    expect([failed.status, failed.body.code]).to.deep.equal([502, "provisioning-failed"]);
    expect(failed.body.detail).to.include(schemaRefusal);
    expect(await rowsOf(slug)).to.deep.equal({ companies: 0, hosts: 0, plans: 0 });

    const id = /\/api\/operations\/([\w-]+)/.exec(failed.body.detail ?? "")?.[1];
    const { body: operation } = await platform.api.get(`/api/operations/${id}`);
    expect(failed.body.instance).to.equal(`/api/operations/${id}`);
    expect(operation).to.deep.include({ kind: "provision", status: "failed" });
    const database = operation.steps.find(({ name }) => name === "database");
    expect(database).to.deep.include({ status: "failed" });
    expect(database?.lastError).to.deep.include({ retry: "permanent", code: "statement-refused" });
    const companyId = operation.tenantId;
    const acts = await platform.query<{ action: string }>(
      "SELECT action FROM audit_log WHERE company_id = $1 ORDER BY id",
      [companyId],
    );
    expect(acts.map(({ action }) => action)).to.deep.equal([
      "tenant.requested",
      "operation.failed",
      "tenant.rollback-started",
      "operation.succeeded",
      "tenant.rolled-back",
    ]);
    const report = (await platform.api.get("/api/orphans")).body;
    const named = Object.values(report as Record<string, unknown>)
      .flat()
      .map(String);
    expect(named.filter((name) => name.includes(String(companyId)))).to.deep.equal([]);

    const again = await platform.api.post("/api/tenants/provision", company, key);
    expect(again.status, JSON.stringify(again.body)).to.equal(201);
    expect(await rowsOf(slug)).to.deep.equal({ companies: 1, hosts: 2, plans: 1 });
  });

  it("keeps a plan that another company uses by then, or that was there before", async () => {
    const company = newCompany({ plan });
    await withoutNewSchemas(platform, () => platform.api.post("/api/tenants/provision", company));
    expect(await rowsOf(company["slug"] as string)).to.deep.equal({ companies: 0, hosts: 0, plans: 1 });
  });

  it("is held with 'onFailure: hold', shows what failed, and goes on when retried", async () => {
    const held = await withoutNewSchemas(platform, () => platform.createTenant({ onFailure: "hold" }));
    expect(held.answer.status).to.equal(202);
    const database = resourceOf(await held.becomes("failed"), "database");
    expect(database).to.deep.include({ status: "failed", nextAttemptAt: null });
    expect((await platform.api.post(`${held.path}/retry`)).status).to.equal(202);
    await held.becomes("active");
  });

  it("lists what could not be removed and tries it again until it is gone", async () => {
    const { dns } = platform.ctx;
    const remove = dns.remove.bind(dns);
    let refusals = 0;
    dns.remove = () => {
      refusals += 1;
      return Promise.reject(new ResourceError("transient", "dns-away", "the DNS provider does not answer"));
    };
    const company = newCompany();
    const slug = company["slug"] as string;
    try {
      const asked = { Prefer: "wait=1" };
      const answer = await withoutNewSchemas(platform, () =>
        platform.api.post("/api/tenants/provision", company, asked),
      );
      expect(answer.status).to.equal(202);
      const tenant = await tenantAt(platform.api, slug).shows(
        ({ resources }) => resources.some((row) => row.lastError?.code === "dns-away"),
        { what: "the failed removal" },
      );
      expect(tenant.status).to.equal("failed");
      expect(resourceOf(tenant, "dns").nextAttemptAt).to.be.a("string");
      await until(
        () => Promise.resolve(refusals),
        (count) => count > 1,
        { what: "a second attempt" },
      );
    } finally {
      dns.remove = remove;
    }
    await until(
      () => rowsOf(slug),
      (rows) => rows?.["companies"] === 0,
      { what: "the rollback's end" },
    );
  });
});
