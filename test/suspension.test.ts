import { expect } from "chai";
import { withTenantQueue } from "../core/queues.ts";
import { usePlatform } from "./support/platform.ts";
import { runtimeClient } from "./support/runtime-client.ts";
import { sized } from "./support/size.ts";
import { respondAsync } from "./support/tenant.ts";
import { operationSucceeds } from "./support/tenant-waits.ts";
import { until } from "./support/wait.ts";

describe("suspension", () => {
  const platform = usePlatform({ runtime: true, workers: true });

  const change = async (id: number, what: "suspend" | "resume", body?: unknown) => {
    const answer = await platform.api.post(`/api/tenants/${id}/${what}`, body);
    expect(answer.status, JSON.stringify(answer.body)).to.equal(202);
    const ended = await operationSucceeds(platform.api, answer.headers.get("location") as string);
    expect(ended).to.deep.include({ status: "succeeded", kind: what });
  };
  const ask = runtimeClient(platform);
  const statusOf = async (host: string) => (await ask(host, "GET /v1/tenant")).status;

  it("closes hosts, holds jobs, stops workers and keeps data; resuming brings all back", async () => {
    const tenant = await platform.createTenant();
    const { id, schema, api } = tenant;
    await tenant.hasWorkers(1);
    await platform.query(`INSERT INTO ${schema}.customers (name) VALUES ('Fica')`);

    await change(id, "suspend", { reason: "fatura em aberto" });
    expect(await tenant.get()).to.deep.include({ status: "suspended", activeWorkers: 0 });
    await until(
      () => statusOf(api),
      (status) => status === 403,
      { what: "the runtime's 403" },
    );
    const job = await withTenantQueue(platform.ctx.queues, { companyId: id }, async (queue) => {
      expect(await queue.isPaused()).to.equal(true);
      return queue.add("nothing-known", {});
    });
    expect(await platform.query(`SELECT name FROM ${schema}.customers`)).to.deep.equal([{ name: "Fica" }]);

    await change(id, "resume");
    expect(await tenant.get()).to.deep.include({ status: "active", activeWorkers: 1 });
    await until(
      () => statusOf(api),
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
    const tenant = await platform.createTenant();
    const { id } = tenant;
    expect((await platform.api.post(`/api/tenants/${id}/resume`)).body.code).to.equal("state-conflict");
    const twice = await Promise.all([1, 2].map(() => platform.api.post(`/api/tenants/${id}/suspend`)));
    expect(twice.map(({ status }) => status)).to.have.members([202, 409]);
    expect((await platform.api.post(`/api/tenants/${id}/suspend`, { colour: 1 })).status).to.equal(422);
    await tenant.purge();
    for (const what of ["suspend", "resume"]) {
      expect((await platform.api.post(`/api/tenants/${id}/${what}`)).body.code).to.equal("state-conflict");
    }
    await tenant.becomes("deleted");
  });

  it("asked for during provisioning ends in 'suspended', and resumes to 'active'", async () => {
    const tenant = await platform.createTenant({}, respondAsync);
    await change(tenant.id, "suspend");
    expect((await tenant.get()).status).to.equal("suspended");
    await change(tenant.id, "resume");
    await tenant.becomes("active");
  });

  it("gives way each time to a deletion asked for before it was carried out", async () => {
    // A loop that was writing when the aim changed must not write over it; it takes a few rounds to meet that moment.
    for (let round = 0; round < sized(4, 12); round += 1) {
      const tenant = await platform.createTenant();
      await platform.api.post(`${tenant.path}/suspend`);
      await tenant.purge();
      await tenant.becomes("deleted");
    }
  });
});
