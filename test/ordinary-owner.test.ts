/** DATABASE_URL may name a role that is no superuser: it owns the database and may create roles, and that is enough. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { exportTenant } from "../control-plane/archive/export/export-tenant.ts";
import { importTenant } from "../control-plane/archive/import/import-tenant.ts";
import type { ControlContext } from "../control-plane/context.ts";
import { startControlPlane } from "../control-plane/start.ts";
import { probeIsolation } from "../core/isolation/probe.ts";
import { listRemedies } from "../core/isolation/remedies.ts";
import { openTenantPool } from "../core/tenant-db/tenant-pool.ts";
import { createShutdown, type Shutdown } from "../core/shutdown.ts";
import { startServers, type Servers } from "../scripts/embedded/stack.ts";
import { createApiClient, type ApiClient } from "./support/api-client.ts";
import { adminEmail, adminPassword, testConfig } from "./support/platform.ts";
import { testLog } from "./support/program-log.ts";
import { runQuery } from "./support/servers.ts";
import { endWithProcess } from "./support/orphans.ts";
import { createTenant } from "./support/tenant.ts";
import { until } from "./support/wait.ts";

describe("a database owner without superuser rights", () => {
  let folder: string;
  let servers: Servers;
  let shutdown: Shutdown;
  let api: ApiClient;
  let ctx: ControlContext;
  const url = () => {
    const ordinary = new URL(servers.databaseUrl);
    ordinary.username = "platform";
    ordinary.password = "platform";
    ordinary.pathname = "/platform";
    return ordinary.toString();
  };

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "secretaria-owner-"));
    servers = endWithProcess(await startServers({ dataDir: folder, config: {}, durable: false }));
    await runQuery(servers.databaseUrl, "CREATE ROLE platform LOGIN CREATEROLE PASSWORD 'platform'");
    await runQuery(servers.databaseUrl, "CREATE DATABASE platform OWNER platform");
    const log = testLog();
    shutdown = createShutdown(log);
    const config = testConfig({ DATA_DIR: folder, DATABASE_URL: url(), REDIS_URL: servers.redisUrl });
    const plane = await startControlPlane(config, log, shutdown);
    const { port } = plane;
    ctx = plane.ctx;
    api = await createApiClient(`http://127.0.0.1:${port}`, { email: adminEmail, password: adminPassword });
  });
  after(async () => {
    await shutdown.run("test over");
    await servers.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it("provisions a company that the runtime's role can serve, and removes it again", async () => {
    const tenant = await createTenant(api);
    expect(tenant.answer.status).to.equal(201);
    const { id, path } = tenant;
    const [facts] = await runQuery(
      url(),
      `SELECT pg_has_role('secretaria_runtime', $1, 'SET') AS may_set, pg_has_role('secretaria_runtime', $1, 'USAGE') AS inherits,
              (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS super`,
      [`tenant_${id}`],
    );
    expect(facts).to.deep.equal({ may_set: true, inherits: false, super: false });
    // Its inspections see what there is to see, and take nothing that such an owner made for drift.
    await api.post(`${path}/reconcile`);
    const inspection = await until(
      async () => (await api.get(`${path}/explain`)).body.inspection,
      (one) => typeof one?.result === "string",
      { what: "the inspection" },
    );
    expect(inspection?.findings).to.deep.equal([]);
    await tenant.purge();
    const roles = () => runQuery(url(), "SELECT 1 FROM pg_roles WHERE rolname = $1", [`tenant_${id}`]);
    await until(roles, (rows) => rows.length === 0, { what: "the role's end" });
  });

  it("leaves pg_catalog's doors open, and says what a superuser would run to shut them", async () => {
    const pool = openTenantPool(url(), ctx.secrets, { name: "owner test", max: 2 });
    try {
      const { level, failed } = await probeIsolation(pool);
      expect(level).to.equal("pooled");
      expect(failed.map(({ name }) => name)).to.include.members(["role-by-set_config", "large-object", "languages"]);
      const superuser = new URL(servers.databaseUrl);
      superuser.pathname = "/platform";
      for (const statement of await listRemedies(pool)) await runQuery(superuser.toString(), statement);
      expect(await probeIsolation(pool)).to.deep.include({ level: "hardened", failed: [] });
    } finally {
      await pool.close();
    }
    // What the platform itself needs of it was left to it.
    expect((await createTenant(api)).answer.status).to.equal(201);
  });

  it("exports a company and makes a new one of it", async () => {
    const { id } = await createTenant(api);
    await runQuery(url(), `INSERT INTO tenant_${id}.customers (name) VALUES ('Ana')`);
    const { path } = await exportTenant(ctx, { companyId: id, purpose: "export", actor: "system" });
    const request = { file: path, slug: "segunda", domain: "segunda.com.br", actor: "system" };
    const copy = await importTenant(ctx, request);
    expect(await runQuery(url(), `SELECT name FROM tenant_${copy.id}.customers`)).to.deep.equal([{ name: "Ana" }]);
  });
});
