/** A control plane that is killed in the middle of its work, as a process of its own. */
import { writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { startStack, type Stack } from "../scripts/stack.ts";
import { createApiClient, newCompany, type ApiClient } from "./support/api-client.ts";
import { adminEmail, adminPassword, testConfig } from "./support/platform.ts";
import { runQuery } from "./support/servers.ts";
import { sampleOf } from "./support/size.ts";
import { createTenant } from "./support/tenant.ts";
import { operationSucceeds, tenantAt } from "./support/tenant-waits.ts";
import { until } from "./support/wait.ts";

describe("a control plane killed with SIGKILL", () => {
  let folder: string;
  let stack: Stack;
  let api: ApiClient;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "secretaria-crash-"));
    const { DATABASE_URL: _, REDIS_URL: __, ...config } = testConfig({ DATA_DIR: folder });
    stack = await startStack({
      config,
      env: {
        PATH: process.env["PATH"],
        ADMIN_EMAIL: adminEmail,
        ADMIN_PASSWORD: adminPassword,
        LEASE_SECONDS: "2",
        SWEEP_SECONDS: "0.2",
        LOG_LEVEL: "fatal",
      },
      revive: false,
    });
    api = await createApiClient(stack.connection.controlPlaneUrl, { email: adminEmail, password: adminPassword });
  });
  after(async () => {
    await stack?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const query = <Row extends Record<string, unknown>>(sql: string, values: unknown[] = []) =>
    runQuery<Row>(stack.connection.databaseUrl, sql, values);

  // After the first commit, at the first external effect, in the middle of the DDL, between the steps.
  for (const delayMs of sampleOf([0, 20, 60, 120, 200], 2)) {
    it(`${delayMs} ms after the row: it becomes active without a second request, once`, async () => {
      const company = newCompany();
      const lost = api.post("/api/tenants/provision", company).catch(() => undefined);
      const find = () => query<{ id: string }>("SELECT id FROM companies WHERE slug = $1", [company["slug"]]);
      const made = await until(find, (found) => found.length === 1, { what: "the company's row" });
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      await stack.program("control-plane").kill("SIGKILL");
      await lost;

      await stack.startAgain("control-plane");
      const id = made[0]!.id;
      const healed = await tenantAt(api, id).becomesReady({ seconds: 30 });
      expect(healed.status).to.equal("active");
      const open = () => query("SELECT 1 FROM operations WHERE company_id = $1 AND status = 'running'", [id]);
      await until(open, (rows) => rows.length === 0, { what: "the operation's end" });
      const [left] = await query(
        `SELECT (SELECT count(*)::int FROM companies WHERE slug = $1) AS companies,
                (SELECT count(*)::int FROM tenant_${id}.users WHERE role = 'owner') AS owners,
                (SELECT count(*)::int FROM certificates WHERE company_id = $2) AS certificates,
                (SELECT count(*)::int FROM operations WHERE company_id = $2 AND status = 'succeeded') AS operations,
                (SELECT count(*)::int FROM operations WHERE company_id = $2) AS all_operations`,
        [company["slug"], id],
      );
      expect(left).to.deep.equal({ companies: 1, owners: 1, certificates: 1, operations: 1, all_operations: 1 });
    });
  }

  it("right after it took a spare schema: the company becomes active in it alone", async () => {
    await stack.program("control-plane").kill("SIGKILL");
    const CRASH_FILE = join(folder, "crash");
    await stack.startAgain("control-plane", { WARM_TENANTS: "2", CRASH_FILE });
    const spares = () => query<{ id: string }>("SELECT id FROM spare_tenants ORDER BY id");
    const [first] = await until(spares, (found) => found.length === 2, { what: "a full pool" });
    writeFileSync(CRASH_FILE, "active.row.after SIGKILL");
    const company = newCompany();
    expect(await api.post("/api/tenants/provision", company).catch(() => "died")).to.equal("died");
    await stack.program("control-plane").kill("SIGKILL");
    await stack.startAgain("control-plane", { WARM_TENANTS: "2" });
    const healed = await tenantAt(api, first!.id).becomesReady({ seconds: 30 });
    expect(healed).to.deep.include({ status: "active", slug: company["slug"] });
    const left = await until(spares, (found) => found.length === 2, { what: "a full pool" });
    expect(left.map(({ id }) => id)).not.to.include(first?.id);
    await stack.program("control-plane").stop();
    await stack.startAgain("control-plane");
    await until(spares, (found) => found.length === 0, { what: "an empty pool" });
  });

  it("between the last step and the operation's end: the operation is ended", async () => {
    const { operation } = await createTenant(api);
    const path = operation.links.self;
    await operationSucceeds(api, path);
    await query("UPDATE operations SET status = 'running', finished_at = NULL WHERE id = $1", [operation.id]);
    await operationSucceeds(api, path);
  });

  it("in the middle of a deletion: it is finished", async () => {
    const tenant = await createTenant(api);
    await tenant.purge();
    await stack.program("control-plane").kill("SIGKILL");
    await stack.startAgain("control-plane");
    await tenant.becomes("deleted", { seconds: 30 });
    expect(await query("SELECT 1 FROM pg_namespace WHERE nspname = $1", [tenant.schema])).to.have.length(0);
  });

  it("answers a repeated idempotency key with the company of the first request", async () => {
    const company = newCompany();
    const key = { "Idempotency-Key": crypto.randomUUID() };
    const lost = api.post("/api/tenants/provision", company, key).catch(() => undefined);
    await until(
      () => query("SELECT 1 FROM companies WHERE slug = $1", [company["slug"]]),
      (rows) => rows.length === 1,
    );
    await stack.program("control-plane").kill("SIGKILL");
    await lost;
    await stack.startAgain("control-plane");
    const again = await until(
      () => api.post("/api/tenants/provision", company, key),
      ({ status }) => status === 201,
      { seconds: 30, what: "the answer" },
    );
    expect(again.body.tenant.slug).to.equal(company["slug"]);
    expect(again.body.initialToken?.token).to.be.a("string");
  });
});
