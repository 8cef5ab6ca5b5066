/** What a run learns of the runtime: whether its requests fail more, and for which tenants somebody asks. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { abortRun } from "../control-plane/fleet/change-run.ts";
import { startRun } from "../control-plane/fleet/plan-run.ts";
import { viewRun } from "../control-plane/fleet/run-store.ts";
import { judgeHealth, readSettledHealth } from "../control-plane/fleet/window/runtime-health.ts";
import { hearTouched, type TouchListener } from "../control-plane/fleet/window/touched.ts";
import { migrationFolder, useMigrationFolders } from "../core/migrations/folders.ts";
import { readMigrations } from "../core/migrations/sql-files.ts";
import { usePlatform } from "./support/platform.ts";
import { openCompany, runtimeClient, type Company } from "./support/runtime-client.ts";
import { until } from "./support/wait.ts";

describe("a run and the runtime", () => {
  const platform = usePlatform({ runtime: true, workers: true, config: { PROCESS_HEARTBEAT_SECONDS: 0.1 } });
  const ask = runtimeClient(platform);
  let a: Company;
  let b: Company;
  before(async () => {
    [a, b] = await Promise.all([openCompany(platform), openCompany(platform)]);
  });

  const askOften = async ({ api, token }: Company, times: number) => {
    for (let i = 0; i < times; i += 1) await ask(api, "GET /v1/customers", { token, plain: true });
  };

  it("sees requests fail that did not before, up to the last one", async () => {
    await askOften(a, 40);
    const before = await readSettledHealth(platform.ctx.db);
    const judge = async () => judgeHealth(before, await readSettledHealth(platform.ctx.db), { minRequests: 20 });
    await askOften(a, 20);
    expect(await judge()).to.deep.equal({ ok: true });
    await platform.query(`ALTER TABLE tenant_${a.id}.customers RENAME TO customers_away`);
    await askOften(a, 2);
    await platform.query(`ALTER TABLE tenant_${a.id}.customers_away RENAME TO customers`);
    expect(await judge()).to.deep.equal({
      pause: "the runtime answers 9.1 % of requests with 5xx (2 of 22), 0.0 % before",
    });
  });

  it("is paused in its first wave when the runtime begins to fail; others keep theirs", async () => {
    const folder = mkdtempSync(join(tmpdir(), "secretaria-bad-"));
    const breaking = "ALTER TABLE customers RENAME TO clients;\n-- down\nALTER TABLE clients RENAME TO customers;\n";
    writeFileSync(join(folder, "9001_clients.sql"), `-- why: a test\n-- up\n${breaking}`);
    const head = readMigrations("tenant").at(-1)?.name ?? "";
    useMigrationFolders("tenant", [migrationFolder("tenant"), folder]);
    try {
      await platform.query("UPDATE tenant_versions SET is_canary = true WHERE tenant_id = $1", [a.id]);
      const id = await startRun(platform.ctx, { bakeSeconds: 30, waves: [100] }, "test");
      const run = async () => {
        await askOften(a, 20);
        return viewRun(platform.ctx.db, id);
      };
      const paused = await until(run, (view) => view?.status === "paused", { seconds: 30, what: "a pause" });
      expect(paused?.pause_reason).to.match(/^the runtime answers [\d.]+ % of requests with 5xx/);
      expect(paused?.waves.map(({ done, waiting }) => [done, waiting])).to.deep.equal([
        [1, 0],
        [0, 1],
      ]);
      expect((await ask(b.api, "GET /v1/customers", { token: b.token })).status).to.equal(200);
      await abortRun(platform.ctx, id, "test");
      const undo = await startRun(platform.ctx, { direction: "down", to: `${head}+0000` }, "test");
      await until(
        () => viewRun(platform.ctx.db, undo),
        (view) => view?.status === "succeeded",
        { what: "the way back" },
      );
      expect((await ask(a.api, "GET /v1/customers", { token: a.token })).status).to.equal(200);
    } finally {
      useMigrationFolders("tenant", undefined);
      rmSync(folder, { recursive: true, force: true });
    }
  });

  describe("that waits for tenants to be asked for", () => {
    let listener: TouchListener;
    const heard: number[] = [];
    before(async () => {
      listener = hearTouched(platform.ctx, (id) => void heard.push(id));
      await listener.listening;
    });
    after(() => listener.close());

    const openRun = (mode: string) =>
      platform.query(
        `WITH run AS (
           INSERT INTO migration_runs (direction, target, mode, options, requested_by, coordinator, lease_expires_at)
           VALUES ('up', '9999_x.sql 0', $1, '{}', 'test', 'test', 'infinity') RETURNING id)
         INSERT INTO migration_results (run_id, tenant_id, wave, from_version)
         SELECT run.id, t.id, 2, '0001_x.sql' FROM run, unnest($2::bigint[]) AS t (id)`,
        [mode, [a.id, b.id]],
      );
    const endRun = () =>
      platform.query("UPDATE migration_runs SET status = 'aborted', finished_at = now() WHERE finished_at IS NULL");
    /** Two beats: when the second one arrives, the first one's answer was read. */
    const letBeat = async () => {
      await readSettledHealth(platform.ctx.db);
      await readSettledHealth(platform.ctx.db);
    };
    const setDone = (id: number) =>
      platform.query("UPDATE migration_results SET status = 'done' WHERE tenant_id = $1", [id]);

    it("hears of no tenant while no such run is open", async () => {
      await letBeat();
      await askOften(a, 3);
      await openRun("eager");
      await letBeat();
      await askOften(a, 3);
      await endRun();
      expect(heard).to.deep.equal([]);
    });

    it("hears of each that is asked for, once, and its request is served as it is", async () => {
      await openRun("on-request");
      await letBeat();
      expect((await ask(a.api, "GET /v1/customers", { token: a.token })).status).to.equal(200);
      await until(
        () => Promise.resolve(heard),
        (ids) => ids.length > 0,
        { what: "the touch" },
      );
      await askOften(a, 3);
      await askOften(b, 1);
      await until(
        () => Promise.resolve(heard),
        (ids) => ids.length > 1,
        { what: "the second touch" },
      );
      expect(heard).to.deep.equal([a.id, b.id]);
    });

    it("is not told of tenants that are done, nor by messages without an id", async () => {
      heard.length = 0;
      await setDone(a.id);
      await platform.query("SELECT touch_tenants($1)", [[a.id, b.id]]);
      await platform.query("NOTIFY secretaria_fleet, 'all of them'");
      await platform.query("SELECT touch_tenants($1)", [[b.id]]);
      await until(
        () => Promise.resolve(heard),
        (ids) => ids.length >= 2,
        { what: "the touches" },
      );
      expect(heard).to.deep.equal([b.id, b.id]);
      await endRun();
    });
  });
});
