/** The registry goes away, or goes silent, under a runtime that knows companies; servers of this file's own. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { createShutdown, type Shutdown } from "../core/shutdown.ts";
import { startControlPlane } from "../control-plane/start.ts";
import { startServers, type Servers } from "../scripts/embedded/stack.ts";
import { startRuntime, type Runtime } from "../tenant-runtime/start.ts";
import { createApiClient, type ApiClient } from "./support/api-client.ts";
import { openProxy, type Proxy } from "./support/frozen-proxy.ts";
import { endWithProcess } from "./support/orphans.ts";
import { adminEmail, adminPassword, testConfig } from "./support/platform.ts";
import { testLog } from "./support/program-log.ts";
import { runtimeClient, type AskRuntime } from "./support/runtime-client.ts";
import { createTenant } from "./support/tenant.ts";
import { until } from "./support/wait.ts";

describe("a lost registry", () => {
  let folder: string;
  let servers: Servers;
  let shutdown: Shutdown;
  let proxy: Proxy;
  let api: ApiClient;
  let runtime: Runtime;
  let ask: AskRuntime;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "secretaria-loss-"));
    servers = endWithProcess(await startServers({ dataDir: folder, config: {} }));
    const config = testConfig({ DATA_DIR: folder, DATABASE_URL: servers.databaseUrl, REDIS_URL: servers.redisUrl });
    const log = testLog();
    shutdown = createShutdown(log);
    const { port } = await startControlPlane(config, log, shutdown);
    const url = new URL(servers.databaseUrl);
    proxy = await openProxy({ host: url.hostname, port: Number(url.port) });
    url.port = String(proxy.port);
    runtime = await startRuntime({ ...config, DATABASE_URL: url.toString() }, log, shutdown);
    const asked = runtimeClient({ httpPort: runtime.httpPort, httpsPort: runtime.httpsPort });
    ask = (host, what, request) => asked(host, what, { plain: true, ...request });
    api = await createApiClient(`http://127.0.0.1:${port}`, { email: adminEmail, password: adminPassword });
  });
  after(async () => {
    await shutdown?.run("test over");
    await proxy?.close();
    await servers.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const provision = async () => {
    const { id, api: host, token, answer } = await createTenant(api);
    expect(answer.status).to.equal(201);
    return { id, host, token };
  };
  const statusOf = async (host: string) => (await ask(host, "GET /v1/tenant")).status;
  const hears = (wanted: boolean) =>
    until(
      () => Promise.resolve(runtime.ctx.listener.isListening()),
      (now) => now === wanted,
      { what: `listening: ${wanted}` },
    );

  it("that is down: known companies are served, others get 503 and Retry-After", async () => {
    // All is well once it is back.
    const [known, unseen] = [await provision(), await provision()];
    expect(await statusOf(known.host)).to.equal(200);
    expect(await statusOf("api.nobody.localhost")).to.equal(404);
    await servers.postgres?.kill();
    await hears(false);
    // Longer than anything is believed without a listener.
    await new Promise((resolve) => setTimeout(resolve, 500));
    for (let i = 0; i < 5; i += 1) expect(await statusOf(known.host)).to.equal(200);
    for (const host of [unseen.host, "api.nobody.localhost"]) {
      const answer = await ask(host, "GET /v1/tenant");
      expect([answer.status, answer.body.code], host).to.deep.equal([503, "service-unavailable"]);
      expect(answer.headers["retry-after"]).to.match(/^\d+$/);
    }
    // The session is in the company's own data, which nobody else can vouch for.
    expect((await ask(known.host, "GET /v1/me", { token: known.token })).status).to.equal(503);
    await servers.postgres?.start();
    await hears(true);
    expect(await statusOf(unseen.host)).to.equal(200);
    expect(await statusOf("api.nobody.localhost")).to.equal(404);
    expect((await ask(known.host, "GET /v1/me", { token: known.token })).status).to.equal(200);
  });

  it("that is silent: known companies and people are served, connections are replaced", async () => {
    const [known, unseen] = [await provision(), await provision()];
    const me = () => ask(known.host, "GET /v1/me", { token: known.token });
    expect((await me()).status).to.equal(200);
    expect(proxy.freeze("tenant-runtime listener")).to.equal(1);
    expect(proxy.freeze("tenant-runtime registry")).to.be.greaterThan(0);
    await hears(false);
    for (let i = 0; i < 5; i += 1) expect(await statusOf(known.host)).to.equal(200);
    expect((await me()).status).to.equal(200);
    await until(
      () => statusOf(unseen.host),
      (status) => status === 200,
      { what: "an answer about a company that was not known" },
    );
    await hears(true);
  });

  it("that is silent does not keep a suspended company's hosts open", async () => {
    const { id, host } = await provision();
    expect(await statusOf(host)).to.equal(200);
    expect(proxy.freeze("tenant-runtime listener")).to.equal(1);
    expect((await api.post(`/api/tenants/${id}/suspend`)).status).to.equal(202);
    await until(
      () => statusOf(host),
      (status) => status === 403,
      { seconds: 10, what: "403" },
    );
  });
});
