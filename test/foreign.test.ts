/** A thing of a tenant's name that carries another mark is a stranger's: nothing of ours reads, changes or removes it. */
import { spawnSync } from "node:child_process";
import { expect } from "chai";
import { makeMissingPartitions } from "../control-plane/lifecycle/upkeep/partitions.ts";
import { projectPath } from "../core/paths.ts";
import { newCompany } from "./support/api-client.ts";
import { usePlatform } from "./support/platform.ts";
import { until } from "./support/wait.ts";

describe("a stranger's things under a tenant's name", () => {
  const platform = usePlatform({ workers: true });

  /** The id that the next company gets. */
  const nextId = async () => {
    const [row] = await platform.query<{ id: number }>(
      "SELECT (last_value + CASE WHEN is_called THEN 1 ELSE 0 END)::int AS id FROM companies_id_seq",
    );
    return row?.id as number;
  };
  const resource = (answer: { body: any }, name: string) =>
    answer.body.resources.find((row: { name: string }) => row.name === name);
  const provision = async (id: number) => {
    const { status, body } = await platform.api.post("/api/tenants/provision", newCompany());
    expect([status, body.tenant.id]).to.deep.equal([202, id]);
    return `/api/tenants/${id}`;
  };

  it("in Redis survive a provisioning and a deletion, key by key", async () => {
    const id = await nextId();
    const { redis } = platform.ctx;
    await redis.hset(`tenant:{${id}}:meta`, "mark", "somebody else");
    await redis.set(`tenant:{${id}}:data`, "theirs");
    await redis.hset(`tenant:{${id}}:queue:default:meta`, "version", "theirs");
    const path = await provision(id);
    for (const name of ["cache", "queue"]) {
      const row = resource(await platform.api.get(path), name);
      expect(row, name).to.deep.include({ status: "failed", nextAttemptAt: null });
      expect(row.lastError, name).to.deep.include({ code: "cache-foreign", retry: "conflict" });
    }
    expect((await platform.api.get(path)).body.status).to.equal("failed");
    await platform.api.purge(path);
    await until(
      () => platform.api.get(path),
      (answer) => answer.body.status === "deleted",
      { what: "the deletion of what was the company's own" },
    );
    const { manifest } = (await platform.api.get(`${path}/deletion-manifest`)).body;
    for (const { what } of manifest.removed)
      for (const name of what) expect(name).to.match(/^whatever was its own of /);
    expect(await redis.keys(`tenant:{${id}}:*`)).to.have.length(3);
    expect(await redis.get(`tenant:{${id}}:data`)).to.equal("theirs");
  });

  it("in PostgreSQL survive a provisioning, a migration, the partition keeper and a deletion, row by row", async () => {
    const id = await nextId();
    const schema = `tenant_${id}`;
    await platform.query(`CREATE SCHEMA ${schema}`);
    await platform.query(`CREATE TABLE ${schema}.users (id int, role text)`);
    await platform.query(`INSERT INTO ${schema}.users VALUES (1, 'owner')`);
    await platform.query(`CREATE TABLE ${schema}.log (at timestamptz) PARTITION BY RANGE (at)`);
    const path = await provision(id);
    expect(resource(await platform.api.get(path), "database").lastError.code).to.equal("database-foreign");

    await makeMissingPartitions(platform.ctx);
    const { DATABASE_URL, REDIS_URL, MASTER_KEY, DATA_DIR } = platform.config;
    const migrate = spawnSync(
      process.execPath,
      ["--import", "tsx", projectPath("scripts/run-migrations.ts"), "tenant", String(id)],
      {
        env: { PATH: process.env["PATH"], DATABASE_URL, REDIS_URL, MASTER_KEY, DATA_DIR },
        encoding: "utf8",
      },
    );
    expect(migrate.status).to.equal(1);
    expect(migrate.stderr).to.include("carries another mark");

    await platform.api.purge(path);
    await until(
      () => platform.api.get(path),
      (answer) => answer.body.status === "deleted",
      { what: "the deletion of what was the company's own" },
    );
    expect(await platform.query(`SELECT * FROM ${schema}.users`)).to.deep.equal([{ id: 1, role: "owner" }]);
    const tables = await platform.query<{ relname: string }>(
      "SELECT relname FROM pg_class WHERE relnamespace = $1::regnamespace AND relkind IN ('r', 'p') ORDER BY 1",
      [schema],
    );
    expect(tables.map(({ relname }) => relname)).to.deep.equal(["log", "users"]);
    await platform.query(`DROP SCHEMA ${schema} CASCADE`);
  });
});
