/** Companies are served while their schemas change: no request fails. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { coordinate } from "../control-plane/fleet/coordinate.ts";
import { startRun } from "../control-plane/fleet/plan-run.ts";
import type { RunRequest } from "../control-plane/fleet/run-options.ts";
import { useMigrationFolders } from "../core/migrations/folders.ts";
import { tenantVersion } from "../core/migrations/version.ts";
import { projectPath } from "../core/paths.ts";
import { usePlatform } from "./support/platform.ts";
import { openCompany, runtimeClient, type Company } from "./support/runtime-client.ts";
import { sized } from "./support/size.ts";
import { until } from "./support/wait.ts";

const tenants = sized(12, 200);
const clients = 8;

/** Tables that requests write to, several in one file, in an order that is not theirs; the last rewrites one. */
const changes = [
  [
    "ALTER TABLE customers ADD COLUMN fleet_a text;\nCREATE INDEX customers_fleet_a ON customers (fleet_a)",
    "ALTER TABLE customers DROP COLUMN fleet_a",
  ],
  [
    "ALTER TABLE orders ADD COLUMN fleet_b text;\nALTER TABLE customer_addresses ADD COLUMN fleet_b text;\nALTER TABLE customers ADD COLUMN fleet_b text",
    "ALTER TABLE customers DROP COLUMN fleet_b;\nALTER TABLE customer_addresses DROP COLUMN fleet_b;\nALTER TABLE orders DROP COLUMN fleet_b",
  ],
  [
    "ALTER TABLE customers ADD COLUMN fleet_c uuid NOT NULL DEFAULT gen_random_uuid()",
    "ALTER TABLE customers DROP COLUMN fleet_c",
  ],
] as const;

describe("traffic during a fleet run", function traffic() {
  this.timeout(600_000);
  const platform = usePlatform({
    runtime: true,
    workers: true,
    config: { REQUEST_TIMEOUT_SECONDS: 30, WARM_TENANTS: 2 },
  });
  const ask = runtimeClient(platform);
  const companies: Company[] = [];
  let folder: string;

  before(async function prepare() {
    this.timeout(600_000);
    for (let made = 0; made < tenants; made += 4)
      companies.push(
        ...(await Promise.all(Array.from({ length: Math.min(4, tenants - made) }, () => openCompany(platform)))),
      );
    folder = mkdtempSync(join(tmpdir(), "secretaria-traffic-"));
    for (const [i, [up, down]] of changes.entries())
      writeFileSync(join(folder, `700${i}_fleet.sql`), `-- why: a test\n-- up\n${up};\n-- down\n${down};\n`);
    useMigrationFolders("tenant", [projectPath("migrations", "tenant"), folder]);
  });
  after(() => {
    useMigrationFolders("tenant", undefined);
    rmSync(folder, { recursive: true, force: true });
  });

  it("meets no failed read and no failed write on the way up, down and up again", async () => {
    const over = new AbortController();
    const statuses = new Map<string, number>();
    const count = (what: string, status: number) =>
      statuses.set(`${what} ${status}`, (statuses.get(`${what} ${status}`) ?? 0) + 1);
    const failures: unknown[] = [];
    const client = async (number: number) => {
      for (let i = number; !over.signal.aborted; i += 1) {
        const { api, token } = companies[(i * 7) % companies.length] as Company;
        const body = {
          name: `Cliente ${number} ${i}`,
          phone: `+55119${String(number * 1_000_000 + i).padStart(8, "0")}`,
        };
        const made = await ask(api, "POST /v1/customers", { token, body, plain: true });
        count("POST", made.status);
        const read = await ask(api, `GET /v1/customers/${made.body.id}`, { token, plain: true });
        count("GET", read.status);
        for (const answer of [made, read]) if (answer.status >= 300) failures.push(answer.body);
      }
    };
    const running = Promise.all(Array.from({ length: clients }, (_, number) => client(number)));
    // Not the control plane of this process, which looks for runs of its own.
    const ctx = { ...platform.ctx, instance: "traffic" };
    const born: Company[] = [];
    const provision = async () => {
      while (!over.signal.aborted) born.push(await openCompany(platform));
    };
    const provisioning = provision();
    const bring = async (request: RunRequest) => {
      const run = await coordinate(ctx, await startRun(ctx, { waves: [50, 100], ...request }, "test"));
      expect(run.status, run.pause_reason ?? "").to.equal("succeeded");
    };
    try {
      await bring({});
      await bring({ direction: "down", to: "0014+0000" });
      await bring({ concurrency: 2 });
    } finally {
      over.abort();
      await Promise.all([running, provisioning]);
    }
    expect(failures.slice(0, 3)).to.deep.equal([]);
    expect([...statuses.keys()].toSorted()).to.deep.equal(["GET 200", "POST 201"]);
    expect(statuses.get("GET 200")).to.be.greaterThan(clients * 3);
    // Companies that were made meanwhile, and schemas made ahead, are where the others are.
    expect(born).not.to.deep.equal([]);
    const head = await tenantVersion();
    await until(
      () => platform.query("SELECT tenant_id, version FROM tenant_versions WHERE version <> $1", [head]),
      (behind) => behind.length === 0,
      { what: "every schema at head" },
    );
    const { api, token } = born.at(-1) as Company;
    expect((await ask(api, "GET /v1/customers", { token, plain: true })).status).to.equal(200);
  });
});
