/** What companies use is counted where they are served, and kept for their bills. */
import { expect } from "chai";
import { Agent, request, type IncomingMessage } from "node:http";
import { collectUsage } from "../control-plane/lifecycle/upkeep/usage.ts";
import { openRedis } from "../core/redis.ts";
import { metaKey, usageKey } from "../core/tenant.ts";
import { openUsageMeter } from "../core/usage/usage-meter.ts";
import { dateOfDay, utcDay } from "../core/usage/usage.ts";
import { openDeafProxy } from "./support/deaf-proxy.ts";
import { usePlatform } from "./support/platform.ts";
import { testLog } from "./support/program-log.ts";
import { openCompany, runtimeClient, type Company } from "./support/runtime-client.ts";
import { shared } from "./support/servers.ts";
import { until } from "./support/wait.ts";

describe("usage of a company", () => {
  const config = { USAGE_FLUSH_SECONDS: 0.1, USAGE_COLLECT_SECONDS: 0.3 };
  const platform = usePlatform({ runtime: true, workers: true, config });
  const askRuntime = runtimeClient(platform);
  const log = testLog();
  const today = dateOfDay(utcDay());
  const counterKey = (id: number, day = today) => usageKey(id, day.replaceAll("-", ""));
  const reportOf = async ({ id }: { id: number }, query = "") =>
    (await platform.api.get(`/api/tenants/${id}/usage${query}`)).body;
  const untilCounted = (company: { id: number }, counts: Record<string, number>) =>
    until(
      () => reportOf(company),
      ({ total }) => Object.entries(counts).every(([name, count]) => total[name as keyof typeof total] === count),
      { what: JSON.stringify(counts) },
    );
  let acme: Company;
  let other: Company;

  before(async () => {
    [acme, other] = await Promise.all([openCompany(platform), openCompany(platform)]);
  });

  it("counts requests and their bytes in both directions, each for its own company", async () => {
    const notes = "x".repeat(4_000);
    const body = { name: "Ana", notes };
    const made = await askRuntime(acme.api, "POST /v1/customers", { token: acme.token, body });
    expect(made.status).to.equal(201);
    await askRuntime(acme.api, `GET ${made.headers.location}`, { token: acme.token });
    await askRuntime(acme.api, "GET /v1/nothing");
    await askRuntime(other.api, "GET /v1/tenant");
    const { total, days } = await untilCounted(acme, { requests: 3 });
    expect(total.bytesIn).to.be.within(4_000, 7_000);
    expect(total.bytesOut).to.be.within(8_000, 13_000);
    expect(days.map(({ day }) => day)).to.deep.equal([today]);
    const { total: others } = await untilCounted(other, { requests: 1 });
    expect(others.bytesOut).to.be.below(4_000);
  });

  it("counts for each company what a connection that both use carried for it alone", async () => {
    const [first, second] = [await openCompany(platform), await openCompany(platform)];
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const sockets = new Set<unknown>();
    const ask = async (host: string, body: string) => {
      const headers = { Host: host, "Content-Type": "application/json", "Content-Length": body.length };
      const { httpPort: port } = platform;
      const answer = await new Promise<IncomingMessage>((resolve, reject) => {
        const sent = request({ host: "127.0.0.1", port, path: "/nothing", method: "POST", headers, agent }, resolve);
        sent.once("error", reject).end(body);
      });
      sockets.add(answer.socket);
      await answer.toArray();
    };
    await ask(first.api, "x".repeat(20_000));
    await ask(second.api, "{}");
    await ask(first.api, "{}");
    agent.destroy();
    expect(sockets.size).to.equal(1);
    expect((await untilCounted(first, { requests: 2 })).total.bytesIn).to.be.within(20_000, 21_000);
    expect((await untilCounted(second, { requests: 1 })).total.bytesIn).to.be.below(1_000);
  });

  it("does not count what limits refused", async () => {
    const limits = { requests_per_second: 0.01 };
    const small = await openCompany(platform, { plan: { code: "tiny", name: "Tiny", priceCents: 0, limits } });
    const answers = [];
    for (let i = 0; i < 5; i++) answers.push((await askRuntime(small.api, "GET /v1/tenant")).status);
    expect(answers).to.deep.equal([200, 429, 429, 429, 429]);
    await untilCounted(small, { requests: 1 });
    await nextCollection(small);
    expect((await reportOf(small)).total.requests).to.equal(1);
  });

  it("counts jobs that were done", async () => {
    await askRuntime(other.chat, "POST /messages", { body: { text: "Bom dia" } });
    await untilCounted(other, { jobs: 1 });
  });

  it("counts rows that statements read or changed", async () => {
    const { id, api, token } = await openCompany(platform);
    const names = ["Ana", "Bia", "Caio"];
    for (const name of names) await askRuntime(api, "POST /v1/customers", { token, body: { name } });
    const before = (await untilCounted({ id }, { requests: 3 })).total.rows;
    expect(before).to.be.at.least(3);
    await askRuntime(api, "GET /v1/tenant");
    const idle = (await untilCounted({ id }, { requests: 4 })).total.rows;
    expect(idle).to.equal(before);
    await askRuntime(api, "GET /v1/customers", { token });
    expect((await untilCounted({ id }, { requests: 5 })).total.rows).to.be.at.least(before + names.length);
  });

  it("measures the company's storage", async () => {
    const { total } = await until(
      () => reportOf(acme),
      (report) => report.total.storageBytes !== null,
    );
    const [measured] = await platform.query<{ size: string }>(
      `SELECT sum(pg_total_relation_size(c.oid)) AS size FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
       WHERE nspname = 'tenant_${acme.id}' AND relkind IN ('r', 'S')`,
    );
    // Rows may have come since; a file's page is the least that it grows by.
    expect(total.storageBytes).to.be.within(Number(measured?.size) / 2, Number(measured?.size));
  });

  it("goes on from where it was when Redis loses its data", async () => {
    const lost = await openCompany(platform);
    await add(lost, { requests: 5, rows: 7 });
    await untilCounted(lost, { requests: 5, rows: 7 });
    await platform.ctx.redis.del(counterKey(lost.id));
    await add(lost, { requests: 2 });
    await untilCounted(lost, { requests: 7, rows: 7 });
    // Smaller than what it was before: it is no older reading of the same counter.
    await add(lost, { requests: 2 });
    await untilCounted(lost, { requests: 9, rows: 7 });
  });

  it("is the same however often and by however many it is collected", async () => {
    const same = await openCompany(platform);
    await add(same, { requests: 3, jobs: 1 });
    await Promise.all(Array.from({ length: 6 }, () => collectUsage(platform.ctx)));
    await untilCounted(same, { requests: 3, jobs: 1 });
  });

  it("waits in the process while Redis is away, and arrives once", async () => {
    const waiting = await openCompany(platform);
    const proxy = await openDeafProxy(shared.redisUrl);
    const redis = openRedis(proxy.url, log, { commandTimeout: 200 });
    const meter = openUsageMeter(redis, log, { flushMs: 3_600_000 });
    const requests = () => platform.ctx.redis.hget(counterKey(waiting.id), "requests");
    const flush = (count: number) => {
      meter.add(waiting.id, "requests", count);
      return meter.flush();
    };
    try {
      await flush(1);
      // The command arrives, its answer does not: whoever sends it again must not count twice.
      proxy.loseAnswers();
      await flush(10);
      expect(await requests()).to.equal("11");
      proxy.loseQuestions();
      await flush(100);
      expect(await requests()).to.equal("11");
      proxy.restore();
      await until(
        () => flush(0).then(requests),
        (count) => count === "111",
      );
      await meter.flush();
      expect(await requests()).to.equal("111");
      redis.disconnect();
      await flush(1_000);
      await redis.connect();
      await flush(10_000);
      await meter.flush();
      expect(await requests()).to.equal("11111");
    } finally {
      await meter.close();
      redis.disconnect();
      await proxy.close();
    }
  });

  it("arrives once for each of more companies than one message carries", async () => {
    const ids = Array.from({ length: 250 }, (_, i) => acme.id + 500_000 + i);
    const { redis: direct } = platform.ctx;
    const counted = () => Promise.all(ids.map((id) => direct.hget(counterKey(id), "requests")));
    const proxy = await openDeafProxy(shared.redisUrl);
    const redis = openRedis(proxy.url, log, { commandTimeout: 200 });
    const meter = openUsageMeter(redis, log, { flushMs: 3_600_000 });
    try {
      await Promise.all(ids.map((id) => direct.set(metaKey(id), "here")));
      await redis.ping();
      ids.forEach((id) => meter.addRequest(id, 1, 1));
      proxy.loseAnswers();
      await meter.flush();
      const before = await counted();
      expect([before[0], before.at(-1)]).to.deep.equal(["1", null]);
      proxy.restore();
      await until(
        () => meter.flush().then(counted),
        (counts) => !counts.includes(null),
      );
      expect(new Set(await counted())).to.deep.equal(new Set(["1"]));
    } finally {
      await meter.close();
      redis.disconnect();
      await proxy.close();
      await direct.unlink(...ids.flatMap((id) => [metaKey(id), counterKey(id)]));
      await direct.srem(`secretaria:usage:${today.replaceAll("-", "")}`, ...ids);
    }
  });

  it("leaves nothing in Redis for a company that is removed, and keeps what it used", async () => {
    const gone = await openCompany(platform);
    await add(gone, { requests: 4 });
    await untilCounted(gone, { requests: 4 });
    await gone.purge();
    await gone.becomes("deleted");
    await add(gone, { requests: 1 });
    expect(await platform.ctx.redis.keys(`tenant:{${gone.id}}:*`)).to.deep.equal([]);
    expect((await reportOf(gone)).total.requests).to.equal(4);
  });

  it("of days before yesterday is taken out of Redis once it is kept", async () => {
    const old = await openCompany(platform);
    const day = dateOfDay(utcDay() - 3);
    const label = day.replaceAll("-", "");
    await platform.ctx.redis.hset(counterKey(old.id, day), { counter: "a", requests: 12, rows: "many", jobs: -1 });
    await platform.ctx.redis.sadd(`secretaria:usage:${label}`, old.id);
    await collectUsage(platform.ctx);
    expect(await platform.ctx.redis.exists(counterKey(old.id, day), `secretaria:usage:${label}`)).to.equal(0);
    const { days } = await reportOf(old, `?from=${day}&to=${day}`);
    expect(days).to.have.length(1);
    expect(days[0]).to.include({ day, requests: 12, rows: 0, jobs: 0 });
  });

  it("is asked for by days that make sense", async () => {
    for (const query of ["from=2026-13-01", "from=2026-01-02&to=2026-01-01", "from=2020-01-01", "page=1"]) {
      const answer = await platform.api.get(`/api/tenants/${acme.id}/usage?${query}`);
      expect([answer.status, answer.body.code], query).to.deep.equal([422, "invalid-request"]);
    }
    const none = await reportOf(acme, "?to=2026-01-31");
    expect(none).to.include({ from: "2026-01-02", to: "2026-01-31", updatedAt: null });
    expect(none.days).to.deep.equal([]);
    expect((await platform.api.get("/api/tenants/999999999/usage")).status).to.equal(404);
  });

  /** As a process of its own that serves the company and ends. */
  async function add({ id }: Company, counts: Record<string, number>): Promise<void> {
    const meter = openUsageMeter(platform.ctx.redis, log, { flushMs: 3_600_000 });
    for (const [name, count] of Object.entries(counts)) meter.add(id, name as "requests", count);
    await meter.close();
  }

  /** Whatever the runtime had counted until now has arrived. */
  async function nextCollection(served: Company): Promise<void> {
    const before = (await reportOf(served)).total.requests;
    await add(served, { jobs: 1 });
    await untilCounted(served, { jobs: 1, requests: before });
  }
});
