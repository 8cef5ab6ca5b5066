/** A thing of a tenant's name that carries another mark is a stranger's: nothing of ours reads, changes or removes it. */
import { expect } from "chai";
import { makeMissingPartitions } from "../control-plane/lifecycle/upkeep/partitions.ts";
import { runCli } from "./support/cli.ts";
import { usePlatform } from "./support/platform.ts";
import { resourceOf } from "./support/tenant-waits.ts";

describe("a stranger's things under a tenant's name", () => {
  const platform = usePlatform({ workers: true });

  /** The id that the next company gets. */
  const nextId = async () => {
    const [row] = await platform.query<{ id: number }>(
      "SELECT (last_value + CASE WHEN is_called THEN 1 ELSE 0 END)::int AS id FROM companies_id_seq",
    );
    return row?.id as number;
  };
  const provision = async (id: number) => {
    const tenant = await platform.createTenant();
    expect([tenant.answer.status, tenant.id]).to.deep.equal([202, id]);
    return tenant;
  };

  it("in Redis survive a provisioning and a deletion, key by key", async () => {
    const id = await nextId();
    const { redis } = platform.ctx;
    await redis.hset(`tenant:{${id}}:meta`, "mark", "somebody else");
    await redis.set(`tenant:{${id}}:data`, "theirs");
    await redis.hset(`tenant:{${id}}:queue:default:meta`, "version", "theirs");
    const tenant = await provision(id);
    for (const name of ["cache", "queue"]) {
      const row = resourceOf(await tenant.get(), name);
      expect(row, name).to.deep.include({ status: "failed", nextAttemptAt: null });
      expect(row.lastError, name).to.deep.include({ code: "cache-foreign", retry: "conflict" });
    }
    expect((await tenant.get()).status).to.equal("failed");
    await tenant.purge();
    await tenant.becomes("deleted");
    const { manifest } = (await platform.api.get(`${tenant.path}/deletion-manifest`)).body;
    for (const { what } of manifest.removed)
      for (const name of what) expect(name).to.match(/^whatever was its own of /);
    expect(await redis.keys(`tenant:{${id}}:*`)).to.have.length(3);
    expect(await redis.get(`tenant:{${id}}:data`)).to.equal("theirs");
  });

  it("in PostgreSQL survive provisioning, migration, partition keeper and deletion", async () => {
    // Row by row.
    const id = await nextId();
    const schema = `tenant_${id}`;
    await platform.query(`CREATE SCHEMA ${schema}`);
    await platform.query(`CREATE TABLE ${schema}.users (id int, role text)`);
    await platform.query(`INSERT INTO ${schema}.users VALUES (1, 'owner')`);
    await platform.query(`CREATE TABLE ${schema}.log (at timestamptz) PARTITION BY RANGE (at)`);
    const tenant = await provision(id);
    expect(resourceOf(await tenant.get(), "database").lastError?.code).to.equal("database-foreign");

    await makeMissingPartitions(platform.ctx);
    const migrate = await runCli("scripts/run-migrations", ["tenant", String(id)], { platform });
    expect(migrate.status).to.equal(1);
    expect(migrate.stderr).to.include("carries another mark");

    await tenant.purge();
    await tenant.becomes("deleted");
    expect(await platform.query(`SELECT * FROM ${schema}.users`)).to.deep.equal([{ id: 1, role: "owner" }]);
    const tables = await platform.query<{ relname: string }>(
      "SELECT relname FROM pg_class WHERE relnamespace = $1::regnamespace AND relkind IN ('r', 'p') ORDER BY 1",
      [schema],
    );
    expect(tables.map(({ relname }) => relname)).to.deep.equal(["log", "users"]);
    await platform.query(`DROP SCHEMA ${schema} CASCADE`);
  });
});
