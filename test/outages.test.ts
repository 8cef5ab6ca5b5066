/** PostgreSQL and Redis go away and come back; servers of this file's own, so that no other test notices. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { withTenantQueue } from "../core/queues.ts";
import { createShutdown, type Shutdown } from "../core/shutdown.ts";
import { startControlPlane, type ControlPlane } from "../control-plane/start.ts";
import { startServers, type Servers } from "../scripts/embedded/stack.ts";
import { startWorkers } from "../workers/start.ts";
import { createApiClient, newCompany, type ApiClient } from "./support/api-client.ts";
import { adminEmail, adminPassword, testConfig } from "./support/platform.ts";
import { endWithProcess } from "./support/orphans.ts";
import { testLog } from "./support/program-log.ts";
import { createTenant } from "./support/tenant.ts";
import { resourceOf } from "./support/tenant-waits.ts";
import { until } from "./support/wait.ts";

describe("outages", () => {
  let folder: string;
  let servers: Servers;
  let shutdown: Shutdown;
  let api: ApiClient;
  let controlPlane: ControlPlane;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "secretaria-outage-"));
    // Durable, unlike the shared servers: what is killed must keep what it confirmed.
    servers = endWithProcess(await startServers({ dataDir: folder, config: {} }));
    const config = testConfig({ DATA_DIR: folder, DATABASE_URL: servers.databaseUrl, REDIS_URL: servers.redisUrl });
    const log = testLog();
    shutdown = createShutdown(log);
    controlPlane = await startControlPlane(config, log, shutdown);
    await startWorkers(config, log, shutdown);
    api = await createApiClient(`http://127.0.0.1:${controlPlane.port}`, {
      email: adminEmail,
      password: adminPassword,
    });
  });
  after(async () => {
    await shutdown.run("test over");
    await servers.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it("of PostgreSQL: 503 with Retry-After, and the next call after it is back works", async () => {
    await servers.postgres?.kill();
    const company = newCompany();
    const down = await api.post("/api/tenants/provision", company);
    expect([down.status, down.body.code]).to.deep.equal([503, "service-unavailable"]);
    expect(Number(down.headers.get("retry-after"))).to.be.greaterThan(0);
    expect(down.body.detail).not.to.match(/postgres:|127\.0\.0\.1/);
    expect((await api.get("/readyz")).status).to.equal(503);
    expect((await api.get("/health")).body.checks.database.ok).to.equal(false);
    expect((await api.get("/healthz")).status).to.equal(200);

    await servers.postgres?.start();
    expect((await api.post("/api/tenants/provision", company)).status).to.equal(201);
    expect((await api.get("/readyz")).status).to.equal(200);
  });

  it("of Redis: 202, the rows say why and when next, and are ready once it is back", async () => {
    await servers.redis?.kill();
    const tenant = await createTenant(api);
    expect(tenant.answer.status).to.equal(202);
    const shown = tenant.answer.body.tenant;
    const asked = Date.now();
    for (const name of ["cache", "queue"]) {
      const row = resourceOf(shown, name);
      expect(row.status, name).to.equal("failed");
      expect(row.lastError, name).to.deep.include({ code: "service-unavailable", retry: "transient" });
      expect(Date.parse(row.nextAttemptAt ?? ""), name).to.be.within(asked - 5_000, asked + 60_000);
    }
    expect(resourceOf(shown, "database").status).to.equal("ready");
    expect(tenant.token).to.be.a("string");
    expect((await api.get("/readyz")).status).to.equal(200);
    expect((await api.get("/health")).status).to.equal(503);

    await servers.redis?.start();
    await tenant.becomesReady({ seconds: 40 });
    const healed = await tenant.get();
    expect(healed.status).to.equal("active");
    expect(resourceOf(healed, "cache").lastError).to.equal(null);
  });

  it("of Redis, with all its data: namespaces, users and queues are made again", async () => {
    const tenant = await createTenant(api);
    await tenant.hasWorkers(1);
    await controlPlane.ctx.redis.flushall();
    await servers.redis?.kill();
    await servers.redis?.start();
    const made = () => controlPlane.ctx.redis.hget(`tenant:{${tenant.id}}:meta`, "slug").catch(() => null);
    await until(made, (slug) => slug === tenant.slug, { seconds: 40, what: "the namespace's return" });
    await tenant.shows(({ status, activeWorkers }) => status === "active" && activeWorkers === 1, {
      seconds: 40,
      what: "the company's return",
    });
  });

  it("of Redis: users and workers of older companies come back and take jobs again", async () => {
    const tenant = await createTenant(api);
    await tenant.hasWorkers(1);
    await servers.redis?.kill();
    await servers.redis?.start();
    await until(
      () => controlPlane.ctx.redis.call("ACL", "GETUSER", `tenant_${tenant.id}`).catch(() => null),
      (user) => user !== null,
      { what: "the user" },
    );
    await withTenantQueue(controlPlane.ctx.redis, { companyId: tenant.id }, async (queue) => {
      const job = await queue.add("nothing-known", {});
      await until(
        () => job.getState(),
        (state) => state === "failed",
        { what: "the worker's verdict" },
      );
    });
  });
});
