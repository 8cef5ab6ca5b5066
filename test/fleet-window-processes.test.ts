/** The registry knows which processes are at work, what each knows of tenants' migrations, and how it fares. */
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { expect } from "chai";
import express from "express";
import { openDatabase } from "../core/db.ts";
import { closeServer, listen } from "../core/http.ts";
import { tenantVersion } from "../core/migrations/version.ts";
import { startHeartbeat } from "../core/process-registry.ts";
import { openRegistry } from "../core/registry.ts";
import { createShutdown } from "../core/shutdown.ts";
import { openTenancy } from "../tenant-runtime/library/index.ts";
import { startRuntime } from "../tenant-runtime/start.ts";
import { usePlatform } from "./support/platform.ts";
import { testLog } from "./support/program-log.ts";
import { openCompany, runtimeClient, type Company } from "./support/runtime-client.ts";
import { masterKey } from "./support/servers.ts";
import { until } from "./support/wait.ts";

const log = testLog();

describe("the processes at work", () => {
  const platform = usePlatform({ runtime: true, workers: true, config: { PROCESS_HEARTBEAT_SECONDS: 0.1 } });
  const ask = runtimeClient(platform);
  let company: Company;
  before(async () => {
    company = await openCompany(platform);
  });

  interface Row extends Record<string, unknown> {
    readonly id: string;
    readonly kind: string;
    readonly release: string;
    readonly version: string;
    readonly requests: string;
    readonly server_errors: string;
  }
  const living = () => platform.query<Row>("SELECT * FROM living_processes ORDER BY kind, started_at");
  const countsOf = async (kind: string) => {
    const row = (await living()).find((process) => process.kind === kind);
    return { requests: Number(row?.requests), errors: Number(row?.server_errors) };
  };

  it("are one row each, with the newest migration that they know", async () => {
    const rows = await living();
    expect(rows.map(({ kind }) => kind)).to.deep.equal(["control-plane", "runtime", "worker"]);
    for (const { version, release } of rows) {
      expect(version).to.equal(await tenantVersion());
      expect(release).to.match(/^\d+\.\d+\.\d+/);
    }
  });

  it("leave when they stop, and are still there long after their first beat until then", async () => {
    const shutdown = createShutdown(log);
    await startRuntime(platform.config, log, shutdown);
    const [second] = (await living()).filter(({ kind }) => kind === "runtime").slice(1);
    const ageOf = async () => {
      const rows = await platform.query<{ beats: number }>(
        "SELECT extract(epoch FROM seen_at - started_at)::float8 / beat_seconds AS beats FROM living_processes WHERE id = $1",
        [second?.id],
      );
      return rows[0]?.beats ?? 0;
    };
    await until(ageOf, (beats) => beats > 12, { what: "twelve beats" });
    await shutdown.run("test over");
    expect((await living()).map(({ id }) => id)).not.to.include(second?.id);
    expect(await platform.query("SELECT FROM service_processes WHERE id = $1", [second?.id])).to.have.length(0);
  });

  it("that were killed count as dead after ten beats, and are swept", async () => {
    const id = randomUUID();
    await platform.query(
      `INSERT INTO service_processes (id, kind, release, version, beat_seconds, seen_at)
       VALUES ($1, 'runtime', '0.0.9', '0001_access.sql 0', 2, now() - interval '19 seconds')`,
      [id],
    );
    expect((await living()).map((row) => row.id)).to.include(id);
    await platform.query("UPDATE service_processes SET seen_at = now() - interval '21 seconds' WHERE id = $1", [id]);
    expect((await living()).map((row) => row.id)).not.to.include(id);
    const rest = () => platform.query("SELECT FROM service_processes WHERE id = $1", [id]);
    await until(rest, (rows) => rows.length === 0, { what: "the sweep of a dead process" });
  });

  it("of the runtime say how many requests they answered, and how many with 5xx", async () => {
    const before = await countsOf("runtime");
    const { token, api, id } = company;
    expect((await ask(api, "GET /v1/customers", { token })).status).to.equal(200);
    await platform.query(`ALTER TABLE tenant_${id}.customers RENAME TO customers_away`);
    expect((await ask(api, "GET /v1/customers", { token })).status).to.equal(500);
    await platform.query(`ALTER TABLE tenant_${id}.customers_away RENAME TO customers`);
    expect((await ask(api, "GET /v1/nothing", { token })).status).to.equal(404);
    const after = await until(
      () => countsOf("runtime"),
      ({ requests }) => requests - before.requests >= 3,
      { what: "the counts of three requests" },
    );
    expect(after).to.deep.equal({ requests: before.requests + 3, errors: before.errors + 1 });
  });

  it("are closed to the registry's role, which writes its own row and nothing else", async () => {
    const registry = openRegistry(platform.databaseUrl, platform.ctx.secrets, "processes test");
    const codeOf = (sql: string) =>
      registry.raw(sql).then(
        () => "ran",
        (error: { code: string }) => error.code,
      );
    try {
      for (const sql of [
        "SELECT * FROM service_processes",
        "SELECT * FROM living_processes",
        "DELETE FROM service_processes",
        "SELECT * FROM migration_contracts",
        "SELECT * FROM migration_results",
        "SELECT serving_floor()",
      ])
        expect(await codeOf(sql), sql).to.equal("42501");
      const heart = await startHeartbeat(registry, { kind: "runtime", seconds: 5, log });
      expect((await living()).map((row) => row.id)).to.include(heart.id);
      await heart.close();
      expect((await living()).map((row) => row.id)).not.to.include(heart.id);
    } finally {
      await registry.destroy();
    }
  });

  it("start where the registry has no such rows yet, and enter themselves when it does", async () => {
    const rename = (from: string, to: string) => platform.query(`ALTER FUNCTION ${from} RENAME TO ${to}`);
    await rename("beat_process", "beat_process_later");
    const heart = await startHeartbeat(platform.ctx.db, { kind: "worker", seconds: 0.1, log });
    try {
      expect((await living()).map((row) => row.id)).not.to.include(heart.id);
    } finally {
      await rename("beat_process_later", "beat_process");
    }
    await until(living, (rows) => rows.some(({ id }) => id === heart.id), { what: "a row of its own" });
    await heart.close();
  });

  it("include another's app that serves companies, and its requests count", async () => {
    const { databaseUrl, config } = platform;
    const options = { databaseUrl, redisUrl: config.REDIS_URL ?? "", masterKey };
    const tenancy = await openTenancy(options);
    const app = express().get("/", tenancy.resolve, (_req, res) => void res.status(500).end());
    const server = createServer(app);
    try {
      const [own] = (await living()).filter(({ kind }) => kind === "runtime").slice(1);
      const askApp = runtimeClient({ httpPort: await listen(server, 0, "127.0.0.1") });
      expect((await askApp(company.api, "GET /", { plain: true })).status).to.equal(500);
      const counts = async () => (await living()).find(({ id }) => id === own?.id);
      const row = await until(counts, (counted) => counted?.requests === "1", { what: "the count of its request" });
      expect(row?.server_errors).to.equal("1");
    } finally {
      await closeServer(server);
      await tenancy.close();
    }
  });

  it("are out of reach for a company's role", async () => {
    const db = openDatabase(platform.databaseUrl, { name: "processes test", max: 1 });
    const asCompany = (sql: string) =>
      db
        .transaction(async (trx) => {
          await trx.raw("SET LOCAL ROLE ??", [`tenant_${company.id}`]);
          await trx.raw(sql);
        })
        .then(
          () => "ran",
          (error: { code: string }) => error.code,
        );
    try {
      for (const sql of [
        "SELECT FROM public.service_processes",
        "SELECT public.touch_tenants('{1}')",
        "SELECT public.end_process(gen_random_uuid())",
        "SELECT public.beat_process(gen_random_uuid(), 'runtime', '1', '1', 1, 0, 0)",
      ])
        expect(await asCompany(sql), sql).to.equal("42501");
    } finally {
      await db.destroy();
    }
  });
});
