import { expect } from "chai";
import { explanationSchema, type Explanation } from "../control-plane/tenants/explanation/schema.ts";
import { ResourceError } from "../core/errors.ts";
import { usePlatform } from "./support/platform.ts";
import { until } from "./support/wait.ts";

describe("GET /api/tenants/:id/explain", () => {
  const platform = usePlatform();

  /** Checked against the schema that the OpenAPI document shows. */
  const explain = async (path: string): Promise<Explanation> =>
    explanationSchema.parse((await platform.api.get(`${path}/explain`)).body);
  const blocker = (explanation: Explanation, resource: string) =>
    explanation.blocking.find((one) => one.resource === resource);

  it("says what blocks, what the other side said last, and when it is tried next", async () => {
    // No workers run in this file, and the issuer of certificates has had enough for now.
    const issuer = platform.ctx.issuer as { issue: unknown };
    const issue = issuer.issue;
    issuer.issue = () =>
      Promise.reject(
        new ResourceError("rate-limited", "issuer-rate-limited", "too many certificates this week", {
          retryAfterSeconds: 3600,
        }),
      );
    try {
      const { path, operation } = await platform.createTenant();
      const explanation = await until(
        () => explain(path),
        (one) => blocker(one, "certificate")?.status === "failed" && blocker(one, "worker")?.status === "failed",
        { what: "both failures" },
      );
      expect(explanation).to.deep.include({ status: "degraded", desiredState: "active", purgeAfter: null });
      expect(explanation.blocking.map(({ resource }) => resource)).to.deep.equal(["certificate", "worker"]);
      const certificate = blocker(explanation, "certificate");
      expect(certificate?.lastError).to.deep.equal({
        code: "issuer-rate-limited",
        message: "too many certificates this week",
        retry: "rate-limited",
      });
      expect(certificate).to.deep.include({ attempts: 1, waitsFor: [] });
      const seconds = (Date.parse(certificate?.nextAttemptAt as string) - Date.now()) / 1000;
      expect(seconds).to.be.within(3500, 3600);
      expect(explanation.operation).to.deep.equal({ id: operation.id, kind: "provision", status: "running" });
      expect(explanation.summary[0]).to.equal("It should be active.");
      expect(explanation.summary[1]).to.match(
        /^certificate failed with issuer-rate-limited \(rate-limited\): too many certificates this week; attempt 1; next attempt at 20/,
      );
    } finally {
      issuer.issue = issue;
    }
  });

  it("says what waits for what, and that a person must act where nothing is retried", async () => {
    const { id, path, schema } = await platform.createTenant();
    await platform.query(`ALTER SCHEMA ${schema} RENAME TO lost_${id}`);
    await platform.query("UPDATE tenant_resources SET status = 'pending' WHERE company_id = $1 AND name = 'owner'", [
      id,
    ]);
    await platform.api.post(`${path}/reconcile`);
    const explanation = await until(
      () => explain(path),
      (one) => blocker(one, "database")?.status === "failed" && one.lease === null,
      { what: "the refusal" },
    );
    expect(explanation.operation).to.deep.include({ kind: "reconcile", status: "failed" });
    expect(blocker(explanation, "database")).to.deep.include({ nextAttemptAt: null, waitsFor: [] });
    expect(blocker(explanation, "owner")).to.deep.include({
      status: "pending",
      waitsFor: ["database"],
      lastError: null,
    });
    expect(explanation.summary).to.include("owner waits for database.");
    expect(explanation.summary.join("\n")).to.match(
      new RegExp(`database failed with database-missing .* then POST /api/tenants/${id}/retry\\.`),
    );
  });

  it("says what the inspection found, who holds the lease, how long a closed one stays", async () => {
    const { id, path, schema } = await platform.createTenant();
    expect((await explain(path)).inspection?.inspectedAt ?? null).to.equal(null);
    await platform.query(`ALTER TABLE ${schema}.customers ADD COLUMN loyalty integer`);
    await platform.api.post(`${path}/reconcile`);
    const explanation = await until(
      () => explain(path),
      ({ inspection }) => inspection?.result === "drifted",
      { what: "the inspection" },
    );
    expect(explanation.inspection?.findings).to.have.length(1);
    expect(explanation.summary.at(-1)).to.match(
      /^The inspection of 20.* found database drifted: \+ column customers\.loyalty integer .*; it is only reported, never touched\.$/,
    );
    await platform.query(
      `UPDATE companies SET desired_state = 'closed', closed_from = 'active', purge_after = '2030-01-02', generation = generation + 1
       WHERE id = $1`,
      [id],
    );
    await platform.query(
      "UPDATE tenant_leases SET owner = 'elsewhere:1', token = token + 1, expires_at = now() + interval '1 hour' WHERE company_id = $1",
      [id],
    );
    const closed = await explain(path);
    expect(closed).to.deep.include({ status: "deleting", desiredState: "closed" });
    expect(closed.lease?.holder).to.equal("elsewhere:1");
    expect(closed.purgeAfter).to.match(/^2030-01-0[12]T/);
    expect(closed.summary[0]).to.match(/^It is closed: its hosts answer 410 and its data is kept until 2030-/);
  });

  it("answers 404 for an unknown company, and is in OpenAPI with its answer", async () => {
    expect((await platform.api.get("/api/tenants/nobody/explain")).body.code).to.equal("tenant-not-found");
    const { body } = await platform.api.get("/openapi.json");
    const { get } = body.paths["/api/tenants/{id}/explain"];
    const { schema } = get.responses["200"].content["application/json"];
    expect(Object.keys(schema.properties)).to.include.members(["summary", "blocking", "lease", "inspection"]);
    expect(body.paths["/api/tenants/{id}/reconcile"].post.operationId).to.be.a("string");
  });
});
