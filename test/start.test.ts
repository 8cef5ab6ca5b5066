/** `npm start` as a newcomer meets it: one command, a link, a company; Ctrl-C, and nothing is left running. */
import { readFileSync, readdirSync, statSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { get } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { createApiClient } from "./support/api-client.ts";
import { runCli, startCli, type RunningCli } from "./support/cli.ts";
import { processesOf } from "./support/processes.ts";
import { createTenant } from "./support/tenant.ts";
import { tenantAt } from "./support/tenant-waits.ts";

describe("npm start", () => {
  let folder: string;
  let running: RunningCli | undefined;
  const admin = { email: "primeira@example.com", password: "senha da primeira" };

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "secretaria-start-"));
  });
  after(async () => {
    running?.child.kill("SIGKILL");
    await rm(folder, { recursive: true, force: true });
  });

  const start = async () => {
    const { ADMIN_EMAIL: _, ADMIN_PASSWORD: __, DATABASE_URL: ___, REDIS_URL: ____, ...env } = process.env;
    const ports = { CONTROL_PLANE_PORT: "0", RUNTIME_HTTP_PORT: "0", RUNTIME_HTTPS_PORT: "0" };
    running = startCli("scripts/start", [], { env: { ...env, ...ports, DATA_DIR: folder } });
    return running.prints(/Ctrl-C stops everything/, { seconds: 60 });
  };
  const connection = () => JSON.parse(readFileSync(join(folder, "connection.json"), "utf8")) as Record<string, string>;
  const stop = async () => (await running?.stop("SIGINT"))?.status;
  it("prints addresses, the first admin's link and the command to provision a company", async () => {
    const text = await start();
    const { controlPlaneUrl } = connection();
    expect(text).to.include(`Panel         ${controlPlaneUrl}/`);
    expect(text).to.match(/First admin {3}http:\/\/localhost:\d+\/setup#[\w-]{43}/);
    expect(text).to.include(`curl -i ${controlPlaneUrl}/api/tenants/provision`);
    expect(statSync(join(folder, "connection.json")).mode & 0o777).to.equal(0o600);
    expect(statSync(join(folder, "master.key")).mode & 0o777).to.equal(0o600);
    expect(Object.keys(connection()).toSorted()).to.deep.equal([
      "controlPlaneUrl",
      "databaseUrl",
      "redisUrl",
      "runtimeHttpUrl",
      "runtimeHttpsUrl",
    ]);
  });

  it("leads from the link to a company that answers over TLS", async () => {
    const { controlPlaneUrl = "", runtimeHttpsUrl = "" } = connection();
    const token = /\/setup#([\w-]{43})/.exec(running?.output() ?? "")?.[1];
    const setUp = () =>
      fetch(`${controlPlaneUrl}/api/auth/setup`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ token, name: "Primeira", ...admin }),
      });
    expect((await setUp()).status).to.equal(201);
    expect((await setUp()).status).to.equal(401);
    const api = await createApiClient(controlPlaneUrl, admin);
    const { answer } = await createTenant(api, { slug: "primeira" });
    expect(answer.status).to.equal(201);
    const { port } = new URL(runtimeHttpsUrl);
    expect(answer.body.tenant.hosts[1]?.url).to.equal(`https://api.primeira.localhost:${port}`);
    const tenant = await getJson(Number(port), "api.primeira.localhost");
    expect(tenant).to.deep.include({ slug: "primeira", status: "active" });
  });

  it("stops cleanly on Ctrl-C and leaves no process", async () => {
    expect(await stop(), running?.output()).to.equal(0);
    expect(processesOf(folder)).to.deep.equal([]);
    expect(readdirSync(folder)).not.to.include("connection.json");
  });

  it("comes back with its data, and without a link now that there is an admin", async () => {
    const text = await start();
    expect(text).not.to.include("First admin");
    const { controlPlaneUrl = "", runtimeHttpsUrl = "" } = connection();
    const api = await createApiClient(controlPlaneUrl, admin);
    await tenantAt(api, "primeira").shows(({ status, activeWorkers }) => status === "active" && activeWorkers === 1, {
      seconds: 30,
      what: "the company's return",
    });
    expect(await getJson(Number(new URL(runtimeHttpsUrl).port), "api.primeira.localhost")).to.deep.include({
      slug: "primeira",
    });
  });

  it("refuses a second start on the same folder, and says who holds it", async () => {
    const second = await runCli("scripts/start", [], { env: { ...process.env, DATA_DIR: folder } });
    expect(second.status).to.equal(1);
    expect(second.stderr).to.include(String(running?.child.pid));
    expect(await stop()).to.equal(0);
    expect(processesOf(folder)).to.deep.equal([]);
  });
});

/** The certificate is the local authority's, which no system trusts; runtime.test.ts verifies it. */
function getJson(port: number, host: string): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    const options = {
      host: "127.0.0.1",
      port,
      path: "/v1/tenant",
      servername: host,
      headers: { Host: `${host}:${port}` },
      rejectUnauthorized: false,
    };
    get(options, (answer) => {
      let text = "";
      answer
        .on("data", (chunk) => (text += String(chunk)))
        .on("end", () => resolve(JSON.parse(text) as Record<string, unknown>));
    }).on("error", reject);
  });
}
