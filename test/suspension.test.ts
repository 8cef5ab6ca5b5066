import { expect } from "chai";
import { withTenantQueue } from "../core/queues.ts";
import { newCompany } from "./support/api-client.ts";
import { usePlatform } from "./support/platform.ts";
import { runtimeClient } from "./support/runtime-client.ts";
import { until } from "./support/wait.ts";

describe("suspension", () => {
  const platform = usePlatform({ runtime: true, workers: true });

  const change = async (id: number, what: "suspend" | "resume", body?: unknown) => {
    const answer = await platform.api.post(`/api/tenants/${id}/${what}`, body);
    expect(answer.status, JSON.stringify(answer.body)).to.equal(202);
    const path = answer.headers.get("location") as string;
    const ended = await until(
      () => platform.api.get(path),
      (operation) => operation.body.status !== "running",
      { what },
    );
    expect(ended.body).to.deep.include({ status: "succeeded", kind: what });
  };
  const ask = runtimeClient(platform);
  const statusOf = async (host: string) => (await ask(host, "GET /v1/tenant")).status;

  it("closes the hosts, keeps jobs waiting, sends the workers away, and touches no data; resuming brings all back", async () => {
    const { body } = await platform.api.post("/api/tenants/provision", newCompany());
    const { id, schema, slug } = body.tenant;
    const tenant = () => platform.api.get(`/api/tenants/${id}`);
    await until(tenant, (answer) => answer.body.activeWorkers === 1, { what: "a worker" });
    await platform.query(`INSERT INTO ${schema}.customers (name) VALUES ('Fica')`);

    await change(id, "suspend", { reason: "fatura em aberto" });
    expect((await tenant()).body).to.deep.include({ status: "suspended", activeWorkers: 0 });
    await until(
      () => statusOf(`api.${slug}.localhost`),
      (status) => status === 403,
      { what: "the runtime's 403" },
    );
    const job = await withTenantQueue(platform.ctx.queues, { companyId: id }, async (queue) => {
      expect(await queue.isPaused()).to.equal(true);
      return queue.add("nothing-known", {});
    });
    expect(await platform.query(`SELECT name FROM ${schema}.customers`)).to.deep.equal([{ name: "Fica" }]);

    await change(id, "resume");
    const back = (await tenant()).body;
    expect(back).to.deep.include({ status: "active", activeWorkers: 1 });
    await until(
      () => statusOf(`api.${slug}.localhost`),
      (status) => status === 200,
      { what: "the runtime's 200" },
    );
    await withTenantQueue(platform.ctx.queues, { companyId: id }, async (queue) => {
      expect(await queue.isPaused()).to.equal(false);
      await until(
        () => queue.getJobState(job.id as string),
        (state) => state === "failed",
        { what: "the job's turn" },
      );
    });
    const acts = await platform.query<{ action: string; reason: string | null }>(
      "SELECT action, data ->> 'reason' AS reason FROM audit_log WHERE company_id = $1 AND actor <> 'system' ORDER BY id",
      [id],
    );
    expect(acts).to.deep.equal([
      { action: "tenant.requested", reason: null },
      { action: "tenant.suspension-requested", reason: "fatura em aberto" },
      { action: "tenant.resumption-requested", reason: null },
    ]);
  });

  it("is refused for a company in another state, also when two ask at once", async () => {
    const { body } = await platform.api.post("/api/tenants/provision", newCompany());
    const { id } = body.tenant;
    expect((await platform.api.post(`/api/tenants/${id}/resume`)).body.code).to.equal("state-conflict");
    const twice = await Promise.all([1, 2].map(() => platform.api.post(`/api/tenants/${id}/suspend`)));
    expect(twice.map(({ status }) => status)).to.have.members([202, 409]);
    expect((await platform.api.post(`/api/tenants/${id}/suspend`, { colour: 1 })).status).to.equal(422);
    await platform.api.purge(`/api/tenants/${id}`);
    for (const what of ["suspend", "resume"]) {
      expect((await platform.api.post(`/api/tenants/${id}/${what}`)).body.code).to.equal("state-conflict");
    }
    await until(
      () => platform.api.get(`/api/tenants/${id}`),
      (answer) => answer.body.status === "deleted",
      { what: "deletion" },
    );
  });

  it("asked for while the company is still being made: it ends suspended, and resumes to active", async () => {
    const { body } = await platform.api.post("/api/tenants/provision", newCompany(), { Prefer: "respond-async" });
    const { id } = body.tenant;
    await change(id, "suspend");
    expect((await platform.api.get(`/api/tenants/${id}`)).body.status).to.equal("suspended");
    await change(id, "resume");
    await until(
      () => platform.api.get(`/api/tenants/${id}`),
      (answer) => answer.body.status === "active",
      { what: "activity" },
    );
  });

  it("changed again before the last change was carried out: the last word counts, every time", async () => {
    // A loop that was writing when the aim changed must not write over it; it takes a few rounds to meet that moment.
    for (let round = 0; round < 12; round += 1) {
      const { body } = await platform.api.post("/api/tenants/provision", newCompany());
      const path = `/api/tenants/${body.tenant.id}`;
      await platform.api.post(`${path}/suspend`);
      await platform.api.purge(path);
      await until(
        () => platform.api.get(path),
        (answer) => answer.body.status === "deleted",
        { what: `deletion in round ${round}` },
      );
    }
  });
});
