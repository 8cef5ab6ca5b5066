/** What one company may take of the runtime: requests a second, requests at once, time for each. */
import { expect } from "chai";
import { Agent, get, type IncomingMessage } from "node:http";
import pg from "pg";
import { schemaName } from "../core/tenant.ts";
import { usePlatform } from "./support/platform.ts";
import { openCompany, runtimeClient, type Company } from "./support/runtime-client.ts";
import { until } from "./support/wait.ts";

describe("limits of a company", () => {
  const platform = usePlatform({ runtime: true, workers: true, config: { REQUEST_TIMEOUT_SECONDS: 4 } });
  const askRuntime = runtimeClient(platform);
  const plan = (code: string, limits: Record<string, number>) => ({ code, name: code, priceCents: 0, limits });
  const customersOf = (company: Company) => askRuntime(company.api, "GET /v1/customers", { token: company.token });

  it("let a burst of two seconds through, and tell what is left and when to come back", async () => {
    const slow = await openCompany(platform, { plan: plan("slow", { requests_per_second: 0.01 }) });
    const first = await askRuntime(slow.api, "GET /v1/tenant");
    expect(first.status).to.equal(200);
    expect(first.headers).to.include({ "ratelimit-policy": '"default";q=1;w=100', ratelimit: '"default";r=0;t=100' });
    const second = await askRuntime(slow.api, "GET /v1/tenant");
    expect([second.status, second.body.code]).to.deep.equal([429, "too-many-requests"]);
    expect(second.headers["content-type"]).to.match(/^application\/problem\+json/);
    expect(Number(second.headers["retry-after"])).to.be.within(1, 100);
    expect(second.headers["ratelimit"]).to.match(/^"default";r=0;t=\d+$/);
  });

  it("hold for one company and leave another alone", async () => {
    const [flooded, quiet] = await Promise.all([
      openCompany(platform, { plan: plan("small", { requests_per_second: 0.05 }) }),
      openCompany(platform, { plan: "basic" }),
    ]);
    const answers = await Promise.all(Array.from({ length: 30 }, () => askRuntime(flooded.api, "GET /v1/tenant")));
    expect(answers.filter(({ status }) => status === 200)).to.have.length(1);
    expect(answers.filter(({ status }) => status === 429)).to.have.length(29);
    const other = await askRuntime(quiet.api, "GET /v1/tenant");
    expect([other.status, other.headers["ratelimit-policy"]]).to.deep.equal([200, '"default";q=40;w=2']);
    expect(await refusals("rate")).to.be.at.least(29);
  });

  it("are in force soon after the plan's own terms were changed", async () => {
    const company = await openCompany(platform, { plan: plan("changing", { requests_per_second: 5 }) });
    const policy = async () => (await askRuntime(company.api, "GET /v1/tenant")).headers["ratelimit-policy"];
    expect(await policy()).to.equal('"default";q=10;w=2');
    await platform.query(`UPDATE plans SET limits = '{"requests_per_second": 50}' WHERE code = 'changing'`);
    // An answer that nobody said anything against is believed for longer than this waits.
    await until(policy, (said) => said === '"default";q=100;w=2', { what: "the new terms", seconds: 15 });
  });

  it("refuse more concurrent requests than the plan says, until one has its answer", async () => {
    const busy = await openCompany(platform, { plan: plan("narrow", { concurrent_requests: 2 }) });
    const lock = await lockCustomers(busy);
    const waiting = [customersOf(busy), customersOf(busy)];
    const third = await until(
      () => askRuntime(busy.api, "GET /v1/tenant"),
      ({ status }) => status !== 200,
    );
    expect([third.status, third.body.code, third.headers["retry-after"]]).to.deep.equal([503, "tenant-busy", "1"]);
    expect(await refusals("concurrency")).to.be.at.least(1);
    await lock.end();
    expect((await Promise.all(waiting)).map(({ status }) => status)).to.deep.equal([200, 200]);
    expect((await askRuntime(busy.api, "GET /v1/tenant")).status).to.equal(200);
  });

  it("do not count open event streams as requests that run", async () => {
    const busy = await openCompany(platform, { plan: plan("streams", { concurrent_requests: 1 }) });
    const sent = await askRuntime(busy.chat, "POST /messages", { body: { text: "Bom dia" }, plain: true });
    const cookie = sent.headers["set-cookie"]?.[0]?.split(";")[0] ?? "";
    const streams = [await open(busy.chat, "/events", { cookie }), await open(busy.chat, "/events", { cookie })];
    expect(streams.map(({ statusCode }) => statusCode)).to.deep.equal([200, 200]);
    const read = await askRuntime(busy.chat, "GET /messages", { headers: { Cookie: cookie }, plain: true });
    // The company may have answered already.
    expect([read.status, read.body.messages[0].body]).to.deep.equal([200, "Bom dia"]);
    for (const stream of streams) stream.destroy();
  });

  it("give a request that takes too long its answer, and the company its place back", async () => {
    const stuck = await openCompany(platform, { plan: plan("stuck", { concurrent_requests: 1 }) });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const lock = await lockCustomers(stuck);
    const late = await open(stuck.api, "/v1/customers", { agent, token: stuck.token });
    const { socket } = late;
    const { code } = JSON.parse(Buffer.concat(await late.toArray()).toString("utf8"));
    expect([late.statusCode, code, late.headers["retry-after"]]).to.deep.equal([503, "service-unavailable", "5"]);
    expect(await refusals("time")).to.equal(1);
    expect((await askRuntime(stuck.api, "GET /v1/tenant")).status).to.equal(200);
    // The handler goes on now and finds its answer given; the connection is no longer its own.
    await lock.end();
    expect((await customersOf(stuck)).status).to.equal(200);
    const next = await open(stuck.api, "/v1/customers", { agent, token: stuck.token });
    expect([next.statusCode, next.socket === socket]).to.deep.equal([200, true]);
    agent.destroy();
  });

  /** Whoever reads the company's customers waits until the answer's `end()`. */
  async function lockCustomers({ id }: Company): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: platform.databaseUrl });
    await client.connect();
    await client.query(`BEGIN; LOCK TABLE ${schemaName(id)}.customers IN ACCESS EXCLUSIVE MODE`);
    return client;
  }

  /** The answer as soon as its headers are there. */
  function open(host: string, path: string, request: { agent?: Agent; cookie?: string; token?: string }) {
    const { agent = new Agent(), cookie = "", token = "" } = request;
    const headers = { Host: `${host}:${platform.httpPort}`, Cookie: cookie, Authorization: `Bearer ${token}` };
    return new Promise<IncomingMessage>((resolve, reject) => {
      get({ host: "127.0.0.1", port: platform.httpPort, path, headers, agent }, resolve).once("error", reject);
    });
  }

  async function refusals(reason: string): Promise<number> {
    const metrics = await fetch(`http://127.0.0.1:${platform.httpPort}/metrics`);
    const name = `secretaria_tenant_requests_limited_total{reason="${reason}"} `;
    const line = (await metrics.text()).split("\n").find((text) => text.startsWith(name));
    return Number(line?.slice(name.length));
  }
});
