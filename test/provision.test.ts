import { expect } from "chai";
import { Redis } from "ioredis";
import jwt from "jsonwebtoken";
import { redisUrlFor } from "../core/redis.ts";
import { redisPassword } from "../core/tenant-secrets.ts";
import { readMigrations } from "../core/migrations/sql-files.ts";
import { usePlatform } from "./support/platform.ts";
import { newCompany } from "./support/api-client.ts";
import { operationSucceeds, tenantAt } from "./support/tenant-waits.ts";
import { until } from "./support/wait.ts";

describe("provisioning", () => {
  const platform = usePlatform({ workers: true });

  it("answers 201 with a company that has everything it needs", async () => {
    const answer = await platform.api.post(
      "/api/tenants/provision",
      newCompany({ slug: "acme", name: "Acme Ltda", owner: { name: "Ana", email: "ana@acme.com" } }),
    );
    expect(answer.status).to.equal(201);
    const { tenant, operation, initialToken, setupUrl, worker } = answer.body;
    expect(answer.headers.get("location")).to.equal(`/api/tenants/${tenant.id}`);
    expect(tenant).to.deep.include({
      slug: "acme",
      status: "active",
      schema: `tenant_${tenant.id}`,
      queue: `default:company_${tenant.id}`,
      plan: { code: "basic", name: "Básico" },
    });
    expect(tenant.redis.namespace).to.equal(`tenant:{${tenant.id}}:`);
    expect(tenant.redis.url).to.match(new RegExp(`^redis://127\\.0\\.0\\.1:\\d+/tenant_${tenant.id}$`));
    expect(tenant.hosts.map(({ host }) => host)).to.deep.equal(["chat.acme.localhost", "api.acme.localhost"]);
    expect(operation).to.have.nested.property("links.events", `/api/operations/${operation.id}/events`);
    expect(worker.command).to.include(`--company-id ${tenant.id}`);
    expect(setupUrl).to.match(/^https:\/\/chat\.acme\.localhost(:\d+)?\/setup#[\w-]{43}$/);

    const claims = jwt.decode(initialToken!.token) as Record<string, unknown>;
    expect(claims).to.deep.include({
      tenant_id: tenant.id,
      role: "owner",
      plan: "basic",
      aud: `tenant:${tenant.uuid}`,
      type: "access",
    });

    const [counts] = await platform.query<Record<string, number>>(
      `SELECT (SELECT count(*)::int FROM pg_tables WHERE schemaname = $1) AS tables,
              (SELECT count(*)::int FROM pg_roles WHERE rolname = $1 AND rolcanlogin) AS roles,
              (SELECT count(*)::int FROM tenant_${tenant.id}.knex_migrations) AS migrations,
              (SELECT count(*)::int FROM tenant_${tenant.id}.users WHERE role = 'owner' AND email = 'ana@acme.com') AS owners`,
      [tenant.schema],
    );
    expect(counts).to.deep.include({ roles: 1, owners: 1, migrations: readMigrations("tenant").length });
    expect(counts?.["tables"]).to.be.greaterThan(45);
    expect(await platform.ctx.redis.hget(`tenant:{${tenant.id}}:meta`, "slug")).to.equal("acme");
  });

  it("ends with every resource ready, the operation succeeded and one worker alive", async () => {
    const made = await platform.createTenant();
    await operationSucceeds(platform.api, made.operation.links.self);
    const tenant = await made.get();
    expect(tenant.resources.map(({ status }) => status)).to.deep.equal(Array(7).fill("ready"));
    expect(tenant.hosts.map(({ domainStatus, sslStatus }) => [domainStatus, sslStatus])).to.deep.equal([
      ["ready", "active"],
      ["ready", "active"],
    ]);
    expect(tenant.activeWorkers).to.equal(1);
    const metrics = await platform.api.get("/metrics");
    expect(metrics.body).to.include(`secretaria_tenant_active_workers{company="${tenant.id}"} 1`);
  });

  it("never shows a Redis password, a database password or the master key", async () => {
    const { id, token, answer } = await platform.createTenant();
    const text = JSON.stringify(answer.body);
    const password = redisPassword(platform.ctx.secrets, id);
    for (const secret of [password, new URL(platform.databaseUrl).password, new URL(platform.ctx.redisUrl).password]) {
      expect(text).not.to.include(secret);
    }
    const stored = await platform.query("SELECT to_jsonb(a)::text AS line FROM audit_log a WHERE company_id = $1", [
      id,
    ]);
    expect(stored).not.to.deep.equal([]);
    expect(JSON.stringify(stored)).not.to.include(token).and.not.include(password);
  });

  it("confines the company's Redis user to its own keys", async () => {
    const [{ id }, other] = [await platform.createTenant(), await platform.createTenant()];
    const redis = new Redis(
      redisUrlFor(platform.ctx.redisUrl, `tenant_${id}`, redisPassword(platform.ctx.secrets, id)),
    );
    try {
      await redis.set(`tenant:{${id}}:mine`, "1");
      const key = `tenant:{${other.id}}:meta`;
      const refused = [redis.call("GET", key), redis.call("SET", key, "x"), redis.call("DEL", key)];
      const others = [
        redis.call("SCAN", "0"),
        redis.call("KEYS", "*"),
        redis.call("FLUSHALL"),
        redis.call("SELECT", "1"),
        redis.call("ACL", "WHOAMI"),
        redis.call("CONFIG", "GET", "*"),
        redis.call("PUBLISH", "x", "y"),
      ];
      for (const attempt of await Promise.allSettled([...refused, ...others])) {
        expect(attempt.status).to.equal("rejected");
        expect(String((attempt as PromiseRejectedResult).reason)).to.match(/NOPERM/);
      }
    } finally {
      redis.disconnect();
    }
  });

  it("derives a slug from the name, accents folded, and numbers it when it is taken", async () => {
    const provision = async () => {
      const { slug: _, ...company } = newCompany({ name: "Padaria São João & Cia." });
      return (await platform.api.post("/api/tenants/provision", company)).body.tenant.slug;
    };
    expect(await provision()).to.equal("padaria-sao-joao-cia");
    expect(await provision()).to.equal("padaria-sao-joao-cia-2");
    // Of several at once each has its own number; which ones are left out is chance.
    const more: string[] = await Promise.all([provision(), provision(), provision()]);
    expect(new Set(more)).to.have.property("size", 3);
    for (const slug of more) expect(slug).to.match(/^padaria-sao-joao-cia-([3-9]|[1-9]\d+)$/);
  });

  it("creates the plan it describes, and refuses the same code with other terms", async () => {
    const plan = { code: "custom-1", name: "Sob medida", priceCents: 12_345, limits: { users_limit: 7 } };
    const made = await platform.api.post("/api/tenants/provision", newCompany({ plan }));
    expect(made.status).to.equal(201);
    expect(made.body.tenant.plan).to.deep.equal({ code: "custom-1", name: "Sob medida" });
    expect((await platform.api.post("/api/tenants/provision", newCompany({ plan }))).status).to.equal(201);
    const other = await platform.api.post("/api/tenants/provision", newCompany({ plan: { ...plan, priceCents: 1 } }));
    expect([other.status, other.body.code]).to.deep.equal([409, "plan-exists"]);
    const modules = ["crm", "nada"];
    const more = await platform.api.post("/api/tenants/provision", newCompany({ plan: { ...plan, modules } }));
    expect([more.status, more.body.errors?.[0]?.pointer]).to.deep.equal([422, "/plan/modules/1"]);
    const less = newCompany({ plan: { ...plan, code: "custom-2", modules: ["crm"] } });
    const { id } = (await platform.api.post("/api/tenants/provision", less)).body.tenant;
    const granted = await platform.query("SELECT module_code FROM tenant_modules WHERE company_id = $1", [id]);
    expect(granted).to.deep.equal([{ module_code: "crm" }]);
  });

  it("puts the hosts under the base domain of the request", async () => {
    const { body } = await platform.api.post(
      "/api/tenants/provision",
      newCompany({ baseDomain: "Exemplo.COM.br", slug: "outra-base" }),
    );
    expect(body.tenant.hosts.map(({ host }) => host)).to.have.members([
      "chat.outra-base.exemplo.com.br",
      "api.outra-base.exemplo.com.br",
    ]);
  });

  it("answers 202 at once when asked to, and the company follows", async () => {
    const answer = await platform.api.post("/api/tenants/provision", newCompany(), { Prefer: "respond-async" });
    expect(answer.status).to.equal(202);
    expect(answer.headers.get("preference-applied")).to.equal("respond-async");
    expect(answer.headers.get("location")).to.equal(`/api/operations/${answer.body.operation.id}`);
    expect(answer.body.initialToken).to.equal(null);
    await tenantAt(platform.api, answer.body.tenant.id).becomes("active");
  });

  it("replays the first answer for the same idempotency key", async () => {
    const company = newCompany();
    const key = { "Idempotency-Key": crypto.randomUUID() };
    const first = await platform.api.post("/api/tenants/provision", company, key);
    const again = await platform.api.post("/api/tenants/provision", company, key);
    expect(again.status).to.equal(201);
    expect(again.headers.get("idempotency-replayed")).to.equal("true");
    expect(again.headers.get("location")).to.equal(first.headers.get("location"));
    expect(again.body).to.deep.equal(first.body);
    const other = await platform.api.post("/api/tenants/provision", { ...company, name: "Outra" }, key);
    expect([other.status, other.body.code]).to.deep.equal([422, "idempotency-mismatch"]);
  });

  it("answers a repeated key 201 with the token once the company of its 202 is there", async () => {
    const company = newCompany();
    const key = { "Idempotency-Key": crypto.randomUUID() };
    const first = await platform.api.post("/api/tenants/provision", company, { ...key, Prefer: "respond-async" });
    expect([first.status, first.body.initialToken]).to.deep.equal([202, null]);
    const made = await until(
      () => platform.api.post("/api/tenants/provision", company, key),
      ({ status }) => status === 201,
      { what: "201" },
    );
    expect(made.body.tenant.id).to.equal(first.body.tenant.id);
    expect(made.body.initialToken?.token).to.be.a("string");
    const again = await platform.api.post("/api/tenants/provision", company, key);
    expect(again.headers.get("idempotency-replayed")).to.equal("true");
    expect(again.body).to.deep.equal(made.body);
  });

  it("makes one company of one key sent ten times at once", async () => {
    const company = newCompany();
    const key = { "Idempotency-Key": crypto.randomUUID() };
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => platform.api.post("/api/tenants/provision", company, key)),
    );
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 201).length).to.be.at.least(1);
    for (const { status, body } of answers)
      if (status !== 201) expect([status, body.code]).to.deep.equal([409, "idempotency-in-progress"]);
    expect(await platform.query("SELECT 1 FROM companies WHERE slug = $1", [company["slug"]])).to.have.length(1);
  });

  it("gives one slug to one of ten requests at once", async () => {
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => platform.api.post("/api/tenants/provision", newCompany({ slug: "disputado" }))),
    );
    const codes = answers.map(({ status, body }) => body.code ?? status);
    expect(codes.filter((code) => code === 201)).to.have.length(1);
    expect(codes.filter((code) => code === "slug-taken")).to.have.length(9);
  });

  it("deletes a company with everything it owns, and keeps slug and hosts reserved", async () => {
    const tenant = await platform.createTenant({ slug: "de-partida" });
    const { id } = tenant;
    expect((await tenant.purge()).status).to.equal(202);
    await tenant.becomes("deleted");
    const [left] = await platform.query(
      `SELECT (SELECT count(*)::int FROM pg_namespace WHERE nspname = $1) AS schemas, (SELECT count(*)::int FROM pg_roles WHERE rolname = $1) AS roles,
              (SELECT count(*)::int FROM certificates WHERE company_id = $2) AS certificates`,
      [`tenant_${id}`, id],
    );
    expect(left).to.deep.equal({ schemas: 0, roles: 0, certificates: 0 });
    expect(await platform.ctx.redis.keys(`tenant:{${id}}:*`)).to.deep.equal([]);
    expect(await platform.ctx.redis.call("ACL", "GETUSER", `tenant_${id}`)).to.equal(null);
    const again = await platform.api.post("/api/tenants/provision", newCompany({ slug: "de-partida" }));
    expect(again.body.code).to.equal("slug-taken");
    expect((await platform.api.purge(tenant.path)).body.code).to.equal("state-conflict");
  });
});
