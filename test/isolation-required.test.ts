/** A program does not start below the level of isolation that it was told to require, and says how the level is reached. */
import { expect } from "chai";
import { readReports } from "../core/isolation/report.ts";
import { createShutdown } from "../core/shutdown.ts";
import { startRuntime } from "../tenant-runtime/start.ts";
import { startWorkers } from "../workers/start.ts";
import type { Config } from "../core/config.ts";
import { usePlatform } from "./support/platform.ts";
import { testLog } from "./support/program-log.ts";
import { until } from "./support/wait.ts";

describe("the level of isolation that is required", () => {
  const platform = usePlatform();
  const log = testLog();

  const starting = async (start: typeof startRuntime | typeof startWorkers, overrides: Partial<Config>) => {
    const shutdown = createShutdown(log);
    try {
      const started = await start({ ...platform.config, ...overrides }, log, shutdown);
      return await ask("httpPort" in started ? started.httpPort : undefined);
    } catch (error) {
      return { refused: (error as Error).message };
    } finally {
      await shutdown.run("test over");
    }
  };
  const ask = async (port: number | undefined) => {
    const reports = await until(
      () => readReports(platform.ctx.redis),
      (all) => all.length > 0,
      { what: "the report" },
    );
    if (port === undefined) return { reports };
    const ready = await fetch(`http://127.0.0.1:${port}/readyz`);
    const metrics = await fetch(`http://127.0.0.1:${port}/metrics`);
    return { reports, status: ready.status, ready: (await ready.json()) as any, metrics: await metrics.text() };
  };

  it("is what a fresh platform has, and says so in three places", async () => {
    const answer = await starting(startRuntime, { ISOLATION_REQUIRED: "hardened" });
    expect(answer).to.not.have.property("refused");
    const { status, ready, metrics, reports } = answer as any;
    expect([status, ready.isolation]).to.deep.equal([200, { level: "hardened", failed: [] }]);
    expect(metrics).to.include('secretaria_isolation_level{level="hardened"} 1');
    expect(metrics).to.include('secretaria_isolation_level{level="pooled"} 0');
    expect(metrics).to.include('secretaria_isolation_attack_held{attack="role-by-set_config"} 1');
    expect(reports[0]).to.include({ service: "tenant-runtime", level: "hardened" });
    expect(await readReports(platform.ctx.redis), "after it stopped").to.deep.equal([]);
  });

  it("keeps the runtime and the workers from starting where a door was opened again", async () => {
    await platform.query("GRANT EXECUTE ON FUNCTION set_config(text, text, boolean) TO PUBLIC");
    for (const start of [startRuntime, startWorkers]) {
      const { refused } = (await starting(start, { ISOLATION_REQUIRED: "hardened" })) as any;
      expect(refused).to.include("ISOLATION_REQUIRED is hardened, and this server holds pooled");
      expect(refused).to.include("path-by-set_config: it answered");
      expect(await readReports(platform.ctx.redis)).to.deep.equal([]);
    }
  });

  it("lets them start at the level that is left where that is enough, and tells of it", async () => {
    const { ready, metrics } = (await starting(startRuntime, { ISOLATION_REQUIRED: "pooled" })) as any;
    expect(ready.isolation.level).to.equal("pooled");
    expect(ready.isolation.failed).to.include("path-by-set_config");
    expect(metrics).to.include('secretaria_isolation_level{level="pooled"} 1');
    expect(metrics).to.include('secretaria_isolation_attack_held{attack="path-by-set_config"} 0');
    const { reports } = (await starting(startWorkers, {})) as any;
    expect(reports[0]).to.include({ service: "workers", level: "pooled" });
  });

  it("is reached again by running what the refusal says", async () => {
    const { refused } = (await starting(startRuntime, { ISOLATION_REQUIRED: "hardened" })) as any;
    const statements = (refused as string).split("\n").filter((line) => /^ {2}(GRANT|REVOKE) /.test(line));
    expect(statements).to.have.length(3);
    expect(statements.filter((line) => line.endsWith("TO secretaria_runtime;"))).to.have.length(1);
    for (const statement of statements) await platform.query(statement);
    expect(await starting(startRuntime, { ISOLATION_REQUIRED: "hardened" })).to.not.have.property("refused");
  });

  it("does not let them start when the probe itself is not possible", async () => {
    await platform.query("DROP SCHEMA secretaria_probe_b CASCADE");
    const { refused } = (await starting(startRuntime, { ISOLATION_REQUIRED: "pooled" })) as any;
    expect(refused).to.include("ISOLATION_REQUIRED is pooled, and this server holds none");
    expect(refused).to.include("probe:");
  }).timeout(60_000);
});
