import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { expect } from "chai";
import pg from "pg";
import { projectPath } from "../core/paths.ts";
import { allCommand, rollbackCommand } from "../scripts/migrate/all.ts";
import { resumeCommand } from "../scripts/migrate/runs.ts";
import { newCompany } from "./support/api-client.ts";
import { lastMigration } from "./support/last-migration.ts";
import { usePlatform } from "./support/platform.ts";
import { forgetRuns, holdRuns, makeBehind } from "./support/runs.ts";
import { until } from "./support/wait.ts";

const script = projectPath("scripts/run-migrations.ts");

/** The lines that are JSON. */
const eventsOf = (output: string): Record<string, any>[] =>
  output
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line));

describe("scripts/run-migrations.ts", function commands() {
  // Each command is a process that starts anew, several to a test.
  this.timeout(120_000);
  const platform = usePlatform();

  afterEach(() => forgetRuns(platform));

  const environment = () => {
    const { DATABASE_URL, REDIS_URL, MASTER_KEY, DATA_DIR } = platform.config;
    return { PATH: process.env["PATH"], DATABASE_URL, REDIS_URL, MASTER_KEY, DATA_DIR };
  };
  /** Waits for the end; what the command wrote as JSON lines is in `events`. */
  const run = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, ["--import", "tsx", script, ...args], {
      env: environment(),
      encoding: "utf8",
    });
    return { status, stdout, stderr, events: eventsOf(stdout) };
  };
  const begin = (...args: string[]) => {
    const child = spawn(process.execPath, ["--import", "tsx", script, ...args], { env: environment() });
    const ended = once(child, "exit").then(([code]) => code as number | null);
    let output = "";
    child.stdout.on("data", (data) => (output += data));
    child.stderr.on("data", (data) => (output += data));
    return { child, ended, output: () => output };
  };

  const makeCompany = async () => {
    const { body } = await platform.api.post("/api/tenants/provision", newCompany());
    return body.tenant as { id: number; uuid: string; slug: string; schema: string };
  };
  const makeOnesBehind = async (count: number) => {
    const made = await Promise.all(Array.from({ length: count }, makeCompany));
    for (const { id } of made) await makeBehind(platform, id);
    return made;
  };
  /** Its next migration fails: what it would make is there, and unknown. */
  const breakOne = async ({ id }: { id: number }) => {
    await platform.query(`ALTER TABLE tenant_${id}.user_sessions ADD COLUMN impersonated_by text`);
  };
  const mend = ({ id }: { id: number }) =>
    platform.query(`ALTER TABLE tenant_${id}.user_sessions DROP COLUMN impersonated_by`);

  it("brings a company that is behind to the newest version, by id, uuid or slug, and says what it did", async () => {
    const { id, uuid, slug, schema } = await makeCompany();
    await makeBehind(platform, id);
    const before = run("status");
    expect(before.status).to.equal(3);
    expect(before.stdout).to.include(`${schema} (${slug}): 0013_`).and.include("1 are behind");
    const dry = run("tenant", slug, "--dry-run");
    expect(dry.stdout).to.include(`-- ${lastMigration}`).and.include("-- locks user_sessions: ACCESS");
    expect(run("tenant", String(id))).to.deep.include({
      status: 0,
      stdout: `${schema} (${slug}): applied ${lastMigration}\n`,
    });
    expect(run("tenant", uuid).stdout).to.equal(`${schema} (${slug}): nothing to do\n`);
    // What came back is the tenant's to use, as if it had always been there.
    const column = `has_column_privilege($1, '${schema}.user_sessions', 'impersonated_by', 'INSERT')`;
    const [grant] = await platform.query(`SELECT ${column} AS ok`, [schema]);
    expect(grant).to.deep.equal({ ok: true });
  });

  it("brings all that are behind to the newest version, wave by wave, in JSON lines into a pipe", async () => {
    await makeOnesBehind(4);
    const dry = run("all", "--waves", "50", "--dry-run");
    expect(dry.status).to.equal(0);
    expect(dry.stdout)
      .to.match(/4 tenants; nothing is changed now/)
      .and.match(/ 2 in wave 50 %/)
      .and.include(lastMigration);
    expect(run("status", "--json").events[0]!.fleet).to.deep.include({ behind: 4, lastRun: null });

    const { status, events } = run("all", "--waves", "50", "--concurrency", "2");
    expect(status).to.equal(0);
    expect(events.map(({ event }) => event)).to.include.members(["public", "started", "progress", "ended"]);
    expect(events.at(-1)).to.deep.include({ event: "ended", status: "succeeded", tenants: 4, done: 4, failed: 0 });
    const [row] = await platform.query("SELECT options, requested_by FROM migration_runs");
    expect(row?.["options"]).to.deep.include({ waves: [50, 100], concurrency: 2 });
    expect(row?.["requested_by"]).to.match(/^cli:/);
    const { lastRun } = run("status", "--json").events[0]!.fleet;
    expect(lastRun).to.deep.include({ id: events.at(-1)!.run, status: "succeeded" });
    const again = run("all");
    expect([again.status, again.events.at(-1)?.status]).to.deep.equal([0, "nothing-to-do"]);
  });

  it("names who failed and ends with 1; a retry finishes what failed, and only that", async () => {
    const [bad] = await makeOnesBehind(3);
    await breakOne(bad!);
    const first = run("all", "--no-canary", "--waves", "100");
    expect(first.status).to.equal(1);
    const failures = first.events.filter(({ event }) => event === "tenant-failed");
    expect(failures).to.have.length(1);
    expect(failures[0]).to.deep.include({ tenantId: bad!.id, slug: bad!.slug });
    expect(failures[0]!.error).to.deep.include({ code: "42701", migration: lastMigration });
    expect(first.events.at(-1)).to.deep.include({ status: "failed", done: 2, failed: 1 });
    const { run: id } = first.events.at(-1)!;
    expect(run("runs").stdout).to.include(`${id}  failed`);
    expect(run("runs", id).stdout).to.include(`tenant_${bad!.id} (${bad!.slug}): ${lastMigration}, statement`);
    await mend(bad!);
    const second = run("all", "--retry-failed");
    expect(second.status).to.equal(0);
    expect(second.events.at(-1)).to.deep.include({ run: id, status: "succeeded", done: 3, failed: 0 });
  });

  it("pauses at the first failure when told so, and is resumed, or ended, by its id or without it", async () => {
    const made = await makeOnesBehind(3);
    for (const one of made) await breakOne(one);
    const all = ["all", "--no-canary", "--waves", "100", "--concurrency", "1", "--on-error", "pause"];
    const paused = run(...all);
    expect(paused.status).to.equal(4);
    expect(paused.events.at(-1)).to.deep.include({ status: "paused", failed: 1, waiting: 2 });
    const refused = run("all");
    expect(refused.status).to.equal(5);
    expect(refused.stderr).to.include(paused.events.at(-1)!.run);
    for (const one of made) await mend(one);
    const resumed = run("resume", "--retry-failed");
    expect(resumed.status).to.equal(0);
    expect(resumed.events.at(-1)).to.deep.include({ status: "succeeded", done: 3 });
    expect(run("pause")).to.deep.include({
      status: 1,
      stderr: "no run is open; name one of npm run migrate -- runs\n",
    });
  });

  it("hands a run over at Ctrl-C, and goes on with it later", async () => {
    const made = await makeOnesBehind(3);
    const busy = new pg.Client({ connectionString: platform.databaseUrl });
    await busy.connect();
    // Somebody is at work in all of them, so none is done before the run is left.
    await busy.query("BEGIN");
    for (const { id } of made) await busy.query(`LOCK TABLE tenant_${id}.user_sessions IN ACCESS SHARE MODE`);
    const { child, ended, output } = begin("all", "--no-canary", "--lock-timeout", "100ms");
    await until(
      async () => output(),
      (text) => /"busy":[1-3]/.test(text),
      { what: "a busy tenant" },
    );
    await holdRuns(platform);
    child.kill("SIGINT");
    expect(await ended).to.equal(4);
    const [row] = await platform.query<{ id: string; status: string }>(
      "SELECT id, status FROM migration_runs WHERE finished_at IS NULL",
    );
    expect(output()).to.include(`npm run migrate -- resume ${row?.id}`);
    expect(row?.status).to.equal("running");
    await busy.query("ROLLBACK");
    await busy.end();
    await platform.query(
      "DROP TRIGGER hold_still ON migration_runs; UPDATE migration_runs SET lease_expires_at = now()",
    );
    expect(run("resume").events.at(-1)).to.deep.include({ run: row?.id, status: "succeeded", done: 3 });
  });

  it("takes one company back by its last batch and forward again, but only when that is confirmed", async () => {
    const { id, slug } = await makeCompany();
    const unconfirmed = run("rollback", "tenant", slug, "--to", "0013");
    expect(unconfirmed.status).to.equal(2);
    expect(unconfirmed.stderr).to.include("--yes");
    const dry = run("rollback", "tenant", slug, "--to", "0013", "--dry-run");
    expect(dry.stdout).to.include("back to 0013_").and.include(`-- ${lastMigration} (down)`);
    const back = run("rollback", "tenant", slug, "--to", "0013", "--yes");
    expect(back.events.at(-1)).to.deep.include({ status: "succeeded", tenants: 1, done: 1 });
    expect(run("status").stdout).to.include(`tenant_${id} (${slug}): 0013_`);
    expect(run("all").status).to.equal(0);
  });

  it("takes a company first that is tagged as a canary, and goes no further when it fails", async () => {
    const [bad] = await makeOnesBehind(2);
    expect(run("canary", bad!.slug).stdout).to.include("is a canary from now on");
    await breakOne(bad!);
    const paused = run("all");
    expect(paused.status).to.equal(4);
    expect(paused.events.at(-1)).to.deep.include({ failed: 1, done: 0, waiting: 1 });
    expect(paused.events.at(-1)!.pauseReason).to.include("1 of 1 canaries failed");
    expect(run("canary").stdout).to.equal(`tenant_${bad!.id} (${bad!.slug})\n`);
    await mend(bad!);
    expect(run("resume", "--retry-failed").status).to.equal(0);
    expect(run("canary", bad!.slug, "--remove").status).to.equal(0);
    const acts = await platform.query("SELECT action FROM audit_log WHERE action LIKE 'tenant.canary%' ORDER BY id");
    expect(acts.map(({ action }) => action)).to.deep.equal(["tenant.canary-tagged", "tenant.canary-untagged"]);
  });

  it("verifies every schema, and proposes what would mend one that drifted", async () => {
    const { schema, slug } = await makeCompany();
    const file = join(platform.config.DATA_DIR, "repair.sql");
    await platform.query(`DROP INDEX ${schema}.user_sessions_user_id_idx`);
    const { status, stdout } = run("verify", "--repair-sql", file);
    expect(status).to.equal(1);
    expect(stdout).to.include(`${schema}: index user_sessions_user_id_idx is missing`).and.include("1 drifted");
    expect(run("verify", "--tenant", slug, "--json").events[0]!.counts).to.deep.include({ drifted: 1, ok: 0 });
    await platform.query(readFileSync(file, "utf8"));
    expect(run("verify", "--tenant", slug).status).to.equal(0);
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
      const lint = run("lint");
      expect(lint.status).to.equal(1);
      expect(lint.stdout)
        .to.include(`migrations/tenant/${basename(path)}:`)
        .and.include(" error ");
    } finally {
      rmSync(path, { force: true });
    }
    expect(run("lint", "--database", "--json")).to.deep.include({ status: 0, stdout: "[]\n" });
    expect(run("make", "Add Points")).to.deep.include({ status: 1 });
  });

  it("explains itself, and refuses what it does not know", () => {
    expect(run("--help").stdout).to.include("tenant <id|uuid|slug>");
    expect(run("explode")).to.deep.include({ status: 2 });
    expect(run("all", "--waves", "10,5")).to.deep.include({ status: 2 });
    for (const wrong of [["--bake", "soon"], ["--concurrency", "0"], ["--fast"], ["everything"]])
      expect(() => allCommand.read(wrong), wrong.join(" ")).to.throw();
    expect(() => rollbackCommand.read([])).to.throw("rollback tenant <id|uuid|slug>");
    expect(() => resumeCommand.read(["17"])).to.throw("no run's id");
    expect(run("all", "--to", "0999").stderr).to.include("there is no migration '0999'");
    expect(run("tenant", "nobody").stderr).to.include("there is no company 'nobody'");
  });
});
