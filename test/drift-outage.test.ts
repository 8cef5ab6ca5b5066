/** What cannot be looked at is neither there nor gone. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { startControlPlane } from "../control-plane/start.ts";
import { createShutdown, type Shutdown } from "../core/shutdown.ts";
import { startServers, type Servers } from "../scripts/embedded/stack.ts";
import { startWorkers } from "../workers/start.ts";
import { createApiClient, type ApiClient } from "./support/api-client.ts";
import { INSPECTION_HOURS, inspected, provision } from "./support/inspections.ts";
import { endWithProcess } from "./support/orphans.ts";
import { adminEmail, adminPassword, testConfig } from "./support/platform.ts";
import { testLog } from "./support/program-log.ts";

describe("drift while Redis is away", () => {
  let folder: string;
  let servers: Servers;
  let shutdown: Shutdown;
  let api: ApiClient;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "secretaria-drift-"));
    servers = endWithProcess(await startServers({ dataDir: folder, config: {} }));
    const { databaseUrl: DATABASE_URL, redisUrl: REDIS_URL } = servers;
    const config = testConfig({ DATA_DIR: folder, DATABASE_URL, REDIS_URL, INSPECTION_HOURS });
    const log = testLog();
    shutdown = createShutdown(log);
    const { port } = await startControlPlane(config, log, shutdown);
    await startWorkers(config, log, shutdown);
    api = await createApiClient(`http://127.0.0.1:${port}`, { email: adminEmail, password: adminPassword });
  });
  after(async () => {
    await shutdown.run("test over");
    await servers.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it("is 'unknown' and changes nothing; it is known again when Redis is back", async () => {
    const company = await provision(api);
    const { path } = company;
    await inspected(api, path, "ok");
    await servers.redis?.kill();
    const { findings } = await inspected(api, path, "unknown");
    expect(findings.map(({ resource, state }) => [resource, state])).to.deep.equal([
      ["cache", "unknown"],
      ["queue", "unknown"],
      ["worker", "unknown"],
    ]);
    const tenant = await company.get();
    expect(tenant.status).to.equal("active");
    expect(tenant.resources.every((row) => row.status === "ready")).to.equal(true);
    const audit = (await api.get(`/api/audit?tenant=${tenant.id}`)).body;
    expect(JSON.stringify(audit)).not.to.include("tenant.drift");
    await servers.redis?.start();
    await inspected(api, path, "ok");
  });
});
