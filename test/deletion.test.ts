/** A deletion from the first word to the signed account of it. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import pg from "pg";
import { startDuePurges } from "../control-plane/lifecycle/endings/deletion.ts";
import { deletionStatement } from "../control-plane/lifecycle/endings/deletion-manifest.ts";
import { verifyStatement } from "../core/statements.ts";
import { withTenantQueue } from "../core/queues.ts";
import { runCli } from "./support/cli.ts";
import { usePlatform } from "./support/platform.ts";
import { openCompany, runtimeClient, type Company } from "./support/runtime-client.ts";
import { operationSucceeds, resourceOf } from "./support/tenant-waits.ts";
import { until } from "./support/wait.ts";

describe("deletion", () => {
  const platform = usePlatform({ runtime: true, workers: true });
  const ask = runtimeClient(platform);
  const day = 86_400_000;

  const close = async (company: Company, more: Record<string, unknown> = {}) => {
    const body = { confirm: company.slug, reason: "contrato encerrado", ...more };
    const answer = await platform.api.delete(company.path, body);
    expect(answer.status, JSON.stringify(answer.body)).to.equal(202);
    return operationSucceeds(platform.api, answer.headers.get("location") as string);
  };

  it("names what is missing: the slug as confirmation, and a reason", async () => {
    const company = await openCompany(platform);
    const { path } = company;
    const pointers = async (body: unknown) =>
      (await platform.api.delete(path, body)).body.errors?.map(({ pointer }) => pointer);
    const { errors } = (await platform.api.delete(path, {})).body;
    expect(errors).to.deep.equal([
      { pointer: "/confirm", detail: "must be the company's slug" },
      { pointer: "/reason", detail: "is required" },
    ]);
    expect(await pointers({ confirm: "outra", reason: "x" })).to.deep.equal(["/confirm"]);
    expect(await pointers({ confirm: company.slug, reason: "x", purgeAfter: "amanhã" })).to.deep.equal(["/purgeAfter"]);
    const lastYear = new Date(Date.now() - 365 * day).toISOString();
    expect(await pointers({ confirm: company.slug, reason: "x", purgeAfter: lastYear })).to.deep.equal(["/purgeAfter"]);
    const never = { confirm: company.slug, reason: "x", purgeAfter: "9999-12-31T23:59:59-23:00" };
    expect(await pointers(never)).to.deep.equal(["/purgeAfter"]);
    expect(await company.get()).to.deep.include({ status: "active", purgeAfter: null });
  });

  it("closes the company at once, keeps all of it for 30 days, and can be undone", async () => {
    const company = await openCompany(platform);
    await platform.query(`INSERT INTO tenant_${company.id}.customers (name) VALUES ('Fica')`);
    const operation = await close(company);
    expect(operation.kind).to.equal("delete");

    const closed = await company.get();
    expect(closed).to.deep.include({ status: "deleting", activeWorkers: 0 });
    expect((Date.parse(closed.purgeAfter!) - Date.now()) / day).to.be.within(29.9, 30);
    const refused = await until(
      () => ask(company.api, "GET /v1/me", { token: company.token }),
      ({ status }) => status === 410,
      { seconds: 5, what: "the token's end" },
    );
    expect(refused.body.code).to.equal("tenant-deleted");
    await withTenantQueue(platform.ctx.queues, { companyId: company.id }, async (queue) => {
      expect(await queue.isPaused()).to.equal(true);
    });
    // Nothing is due, so nothing renews or mends it.
    const due = "SELECT name FROM tenant_resources WHERE company_id = $1 AND next_attempt_at IS NOT NULL";
    expect(await platform.query(due, [company.id])).to.deep.equal([]);
    expect(await startDuePurges(platform.ctx, 10)).to.equal(0);
    for (const what of ["suspend", "resume"]) {
      expect((await platform.api.post(`/api/tenants/${company.id}/${what}`)).body.code).to.equal("state-conflict");
    }

    expect((await platform.api.post(`/api/tenants/${company.id}/undelete`, { reason: "engano" })).status).to.equal(202);
    const back = await company.becomes("active");
    expect(back.purgeAfter).to.equal(null);
    const answered = await until(
      () => ask(company.api, "GET /v1/customers", { token: company.token }),
      ({ status }) => status === 200,
      { what: "the customers" },
    );
    expect(answered.body.customers.map(({ name }: { name: string }) => name)).to.deep.equal(["Fica"]);
    expect((await platform.api.post(`/api/tenants/${company.id}/undelete`)).body.code).to.equal("state-conflict");
  });

  it("brings a suspended company back suspended", async () => {
    const company = await openCompany(platform);
    await platform.api.post(`/api/tenants/${company.id}/suspend`);
    await company.becomes("suspended");
    await close(company);
    await platform.api.post(`/api/tenants/${company.id}/undelete`);
    await company.becomes("suspended");
  });

  it("removes everything when the time is over, and leaves a signed account of it", async () => {
    const company = await openCompany(platform);
    await close(company);
    await platform.query("UPDATE companies SET purge_after = now() - interval '1 s' WHERE id = $1", [company.id]);
    const gone = await company.becomes("deleted");
    expect(gone.owner.email).to.equal("removed@invalid");
    const { body, status } = await until(
      () => platform.api.get(`${company.path}/deletion-manifest`),
      (answer) => answer.status === 200,
      { what: "the manifest" },
    );
    expect(status).to.equal(200);
    expect(body.manifest.company).to.deep.include({ id: company.id, slug: company.slug });
    expect(body.manifest.archive?.sha256).to.match(/^[0-9a-f]{64}$/);
    expect((Date.parse(body.manifest.archive?.keptUntil ?? "") - Date.now()) / day).to.be.within(89, 90);
    expect(body.manifest.requested).to.deep.include({ reason: "contrato encerrado" });
    expect(body.manifest.removed.map(({ resource }) => resource)).to.have.members([
      "database",
      "cache",
      "queue",
      "owner",
      "dns",
      "certificate",
      "worker",
    ]);
    expect(await verifyStatement(platform.ctx.db, deletionStatement, body.jws)).to.deep.equal(body.manifest);
    const forged = body.jws.replace(/\.[^.]+\./, (part: string) => `.${part.slice(1, -3)}AAA.`);
    const fault = await verifyStatement(platform.ctx.db, deletionStatement, forged).catch((error: Error) => error);
    expect(fault).to.be.instanceOf(Error);

    const check = (text: string) => {
      const file = join(platform.config.DATA_DIR, "manifest.json");
      writeFileSync(file, text);
      return runCli("scripts/tenant", ["verify-manifest", file], { platform });
    };
    const good = await check(JSON.stringify(body));
    expect(good.status, good.stderr).to.equal(0);
    expect(good.stdout).to.include(`valid: ${company.slug}`);
    const bad = await check(forged);
    expect([bad.status, bad.stdout]).to.deep.equal([4, ""]);

    const [left] = await platform.query(
      `SELECT (SELECT count(*)::int FROM pg_namespace WHERE nspname = $1) AS schemas,
              (SELECT count(*)::int FROM pg_roles WHERE rolname = $1) AS roles,
              (SELECT count(*)::int FROM certificates WHERE company_id = $2) AS certificates`,
      [`tenant_${company.id}`, company.id],
    );
    expect(left).to.deep.equal({ schemas: 0, roles: 0, certificates: 0 });
    expect(await platform.ctx.redis.keys(`tenant:{${company.id}}:*`)).to.deep.equal([]);
    const acts = await platform.query<{ action: string }>(
      "SELECT action FROM audit_log WHERE company_id = $1 AND action LIKE 'tenant.%' ORDER BY id",
      [company.id],
    );
    expect(acts.map(({ action }) => action)).to.deep.equal([
      "tenant.requested",
      "tenant.deletion-requested",
      "tenant.purge-started",
      "tenant.exported",
      "tenant.deleted",
    ]);
    for (const what of ["retry", "undelete"]) {
      const answer = await platform.api.post(`/api/tenants/${company.id}/${what}`);
      expect(answer.status, what).to.equal(what === "retry" ? 202 : 409);
    }
  });

  it("of 100 tables and 200 partitions needs no more locks than the default allows", async () => {
    const company = await openCompany(platform);
    await platform.query(`DO $$ BEGIN
      FOR i IN 1..50 LOOP
        EXECUTE format('CREATE TABLE tenant_${company.id}.extra_%s (id bigint PRIMARY KEY, body text UNIQUE)', i);
      END LOOP;
      CREATE TABLE tenant_${company.id}.many (id bigint PRIMARY KEY, body text) PARTITION BY RANGE (id);
      FOR i IN 1..200 LOOP
        EXECUTE format('CREATE TABLE tenant_${company.id}.many_%s PARTITION OF tenant_${company.id}.many FOR VALUES FROM (%s) TO (%s)', i, i, i + 1);
      END LOOP;
    END $$`);
    const [setting] = await platform.query("SHOW max_locks_per_transaction");
    expect(setting).to.deep.equal({ max_locks_per_transaction: "64" });
    await company.purge();
    await company.becomes("deleted");
  });

  it("gives way to a long reader of a table, such as a dump, and comes again", async () => {
    const company = await openCompany(platform);
    const reader = new pg.Client({ connectionString: platform.databaseUrl });
    await reader.connect();
    try {
      await reader.query(`BEGIN; LOCK TABLE tenant_${company.id}.customers IN ACCESS SHARE MODE`);
      await company.purge();
      const database = async () => resourceOf(await company.get(), "database");
      const row = await until(database, ({ status }) => status === "failed", { what: "giving way" });
      expect(row.lastError).to.deep.include({ retry: "transient" });
      expect(row.lastError?.message).to.include("lock timeout");
    } finally {
      await reader.end();
    }
    await company.becomes("deleted");
  });

  it("of a company that is kept already moves the time, up to now", async () => {
    const company = await openCompany(platform);
    await close(company);
    const sooner = new Date(Date.now() + day).toISOString();
    await close(company, { purgeAfter: sooner });
    expect((await company.get()).purgeAfter).to.equal(sooner);
    await close(company, { purgeAfter: new Date().toISOString() });
    await company.becomes("deleted");
  });

  it("that cannot begin keeps no other one waiting", async () => {
    const [stuck, free] = [await openCompany(platform), await openCompany(platform)];
    await platform.query(
      `ALTER TABLE operations ADD CONSTRAINT no_purge CHECK (company_id <> ${stuck.id} OR kind <> 'purge')`,
    );
    await close(stuck);
    await close(free);
    const due = "UPDATE companies SET purge_after = now() - make_interval(mins => $2) WHERE id = $1";
    await platform.query(due, [stuck.id, 2]);
    await platform.query(due, [free.id, 1]);
    await free.becomes("deleted");
    expect((await stuck.get()).status).to.equal("deleting");
    await platform.query("ALTER TABLE operations DROP CONSTRAINT no_purge");
    await stuck.becomes("deleted");
  });

  it("asked for twice at once, or taken back while the purge begins, has one end", async () => {
    const company = await openCompany(platform);
    await close(company);
    await platform.query("UPDATE companies SET purge_after = now() - interval '1 s' WHERE id = $1", [company.id]);
    const undone = await platform.api.post(`/api/tenants/${company.id}/undelete`);
    await company.becomes(undone.status === 202 ? "active" : "deleted");
    const other = await platform.createTenant();
    const twice = await Promise.all([1, 2].map(() => platform.api.purge(other.path)));
    expect(twice.map(({ status }) => status)).to.have.members([202, 409]);
    await other.becomes("deleted");
  });
});
