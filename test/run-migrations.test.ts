import { spawnSync } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { expect } from "chai";
import { projectPath } from "../core/paths.ts";
import { newCompany } from "./support/api-client.ts";
import { forgetLastMigration, lastMigration, undoLastMigration } from "./support/last-migration.ts";
import { usePlatform } from "./support/platform.ts";

describe("scripts/run-migrations.ts", () => {
  const platform = usePlatform();

  const run = (...args: string[]) => {
    const { DATABASE_URL, REDIS_URL, MASTER_KEY, DATA_DIR } = platform.config;
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ["--import", "tsx", projectPath("scripts/run-migrations.ts"), ...args],
      { env: { PATH: process.env["PATH"], DATABASE_URL, REDIS_URL, MASTER_KEY, DATA_DIR }, encoding: "utf8" },
    );
    return { status, stdout, stderr };
  };

  it("brings a company that is behind to the newest version, by id, uuid or slug, and says what it did", async () => {
    const { body } = await platform.api.post("/api/tenants/provision", newCompany());
    const { id, uuid, slug, schema } = body.tenant;
    await undoLastMigration(platform, schema);
    expect(run("status")).to.deep.include({ status: 3 });
    expect(run("status").stdout).to.include(`${schema} (${slug}): pending ${lastMigration}`);
    expect(run("tenant", String(id))).to.deep.include({
      status: 0,
      stdout: `${schema} (${slug}): applied ${lastMigration}\n`,
    });
    expect(run("tenant", uuid).stdout).to.equal(`${schema} (${slug}): nothing to do\n`);
    await undoLastMigration(platform, schema);
    expect(run("all").stdout).to.include(`${schema} (${slug}): applied ${lastMigration}`);
    expect(run("status")).to.deep.include({ status: 0 });
    // What came back is the tenant's to use, as if it had always been there.
    const column = `has_column_privilege($1, '${schema}.user_sessions', 'impersonated_by', 'INSERT')`;
    const [grant] = await platform.query(`SELECT ${column} AS ok`, [schema]);
    expect(grant).to.deep.equal({ ok: true });
  });

  it("goes on after a company that fails, lists it and ends with 1", async () => {
    const { body } = await platform.api.post("/api/tenants/provision", newCompany());
    const { schema } = body.tenant;
    await forgetLastMigration(platform, schema);
    const { status, stderr } = run("all");
    expect(status).to.equal(1);
    expect(stderr).to.include("1 failed").and.include(schema).and.include("already exists");
    await platform.query(`INSERT INTO ${schema}.knex_migrations (name, batch, migration_time) VALUES ($1, 1, now())`, [
      lastMigration,
    ]);
  });

  it("sets a database up, and does so twice without harm", () => {
    expect(run("setup")).to.deep.include({ status: 0, stdout: "setup: nothing to do\n" });
    expect(run("public")).to.deep.include({ status: 0, stdout: "public: nothing to do\n" });
  });

  it("writes an empty migration with the next number", () => {
    const { status, stdout } = run("make", "add_loyalty_points");
    const path = stdout.trim();
    try {
      expect(status).to.equal(0);
      expect(path).to.match(/migrations\/tenant\/\d{4}_add_loyalty_points\.sql$/);
      expect(existsSync(path)).to.equal(true);
    } finally {
      rmSync(path, { force: true });
    }
    expect(run("make", "Add Points")).to.deep.include({ status: 1 });
  });

  it("explains itself, and refuses what it does not know", () => {
    expect(run("--help").stdout).to.include("tenant <id|uuid|slug>");
    expect(run("explode")).to.deep.include({ status: 2 });
    expect(run("tenant", "nobody").stderr).to.include("there is no company 'nobody'");
  });
});
