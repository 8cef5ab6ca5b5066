/** Every log line says whose request or job it belongs to, and code that serves nobody is nobody's. */
import { expect } from "chai";
import { randomUUID } from "node:crypto";
import { Agent, request as httpRequest, type IncomingMessage } from "node:http";
import pg from "pg";
import { currentTenant } from "../core/current-tenant.ts";
import { createLogger } from "../core/logger.ts";
import { createShutdown, type Shutdown } from "../core/shutdown.ts";
import { schemaName } from "../core/tenant.ts";
import { startRuntime } from "../tenant-runtime/start.ts";
import { startWorkers } from "../workers/start.ts";
import { usePlatform } from "./support/platform.ts";
import { openCompany, type Company } from "./support/runtime-client.ts";
import { until } from "./support/wait.ts";

interface Line {
  readonly msg: string;
  readonly tenant_id?: number;
  readonly companyId?: number;
  readonly correlationId?: string;
  readonly job?: string;
}

describe("the tenant of running code", () => {
  const platform = usePlatform();
  const lines: Line[] = [];
  // Few connections, so that requests of both companies come one after the other on each.
  const agent = new Agent({ keepAlive: true, maxSockets: 3 });
  let shutdown: Shutdown;
  let port: number;
  let companies: readonly [Company, Company];

  before(async () => {
    const log = createLogger("test", "debug", { write: (text) => void lines.push(JSON.parse(text)) });
    shutdown = createShutdown(log);
    await startWorkers(platform.config, log, shutdown);
    port = (await startRuntime({ ...platform.config, REQUEST_TIMEOUT_SECONDS: 4 }, log, shutdown)).httpPort;
    companies = [await openCompany(platform), await openCompany(platform)];
  });
  after(async () => {
    agent.destroy();
    await shutdown.run("test over");
  });

  it("is in a request's log line after its body and statement, with others beside it", async () => {
    // The handler has read the body and asked the database when it fails.
    for (const { id } of companies)
      await platform.query(`ALTER TABLE ${schemaName(id)}.customers RENAME COLUMN notes TO remarks`);
    const sent = Array.from({ length: 50 }, (_, i) => ({ company: companies[i % 2] as Company, id: randomUUID() }));
    const statuses = await Promise.all(
      sent.map(({ company, id }, i) =>
        post(company.api, "/v1/customers", {
          id,
          token: company.token,
          body: { name: "Ana", notes: "x".repeat(i * 70) },
        }),
      ),
    );
    expect(new Set(statuses)).to.deep.equal(new Set([500]));
    const said = sent.map(({ id }) =>
      lines.filter(({ correlationId }) => correlationId === id).map((l) => l.tenant_id),
    );
    expect(said).to.deep.equal(sent.map(({ company }) => [company.id]));
  });

  it("is in the log line of each request that times out, though one timer serves all", async () => {
    const client = new pg.Client({ connectionString: platform.databaseUrl });
    await client.connect();
    const tables = companies.map(({ id }) => `${schemaName(id)}.customers`);
    await client.query(`BEGIN; LOCK TABLE ${tables.join(", ")} IN ACCESS EXCLUSIVE MODE`);
    const sent = companies.map((company) => ({ company, id: randomUUID() }));
    const statuses = await Promise.all(
      sent.map(({ company: { api, token }, id }) => post(api, "/v1/customers", { id, token, body: { name: "Ana" } })),
    );
    await client.end();
    expect(statuses).to.deep.equal([503, 503]);
    const said = sent.map(({ id }) => lines.find(({ correlationId }) => correlationId === id)?.tenant_id);
    expect(said).to.deep.equal(companies.map(({ id }) => id));
  });

  it("is in the log line of each job", async () => {
    const sent = Array.from({ length: 16 }, (_, i) => companies[i % 2] as Company);
    await Promise.all(sent.map(({ chat }) => post(chat, "/messages", { id: randomUUID(), body: { text: "Bom dia" } })));
    const done = await until(
      async () => lines.filter(({ msg, job }) => msg === "job done" && job === "chat.reply"),
      (found) => found.length === sent.length,
      { what: "every job's line" },
    );
    // `companyId` is the queue's that the job came from.
    expect(done.map((line) => line.tenant_id)).to.deep.equal(done.map((line) => line.companyId));
    expect(new Set(done.map((line) => line.tenant_id))).to.deep.equal(new Set(companies.map(({ id }) => id)));
  });

  it("is absent in what a program does for itself", () => {
    expect(() => currentTenant()).to.throw("no tenant is served here");
    const starts = lines.filter(({ msg }) => msg === "tenant runtime listens");
    expect(starts.map((line) => line.tenant_id)).to.deep.equal([undefined]);
  });

  /** Answers the status. */
  async function post(
    host: string,
    path: string,
    { id, token, body }: { id: string; token?: string; body: unknown },
  ): Promise<number> {
    const headers = {
      Host: host,
      "Content-Type": "application/json",
      "X-Request-Id": id,
      ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
    };
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const sent = httpRequest({ host: "127.0.0.1", port, path, method: "POST", headers, agent }, resolve);
      sent.once("error", reject).end(JSON.stringify(body));
    });
    await answer.toArray();
    return answer.statusCode ?? 0;
  }
});
