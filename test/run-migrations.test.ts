import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { expect } from "chai";
import pg from "pg";
import { allCommand, rollbackCommand } from "../scripts/migrate/all.ts";
import { resumeCommand } from "../scripts/migrate/runs.ts";
import { runCli, startCli } from "./support/cli.ts";
import { lastMigration } from "./support/last-migration.ts";
import { usePlatform } from "./support/platform.ts";
import { forgetRuns, holdRuns, leaveRunsToCommands, makeBehind } from "./support/runs.ts";

const program = "scripts/run-migrations";

describe("scripts/run-migrations.ts", function commands() {
  // Each command is a process of its own, several to a test.
  this.timeout(120_000);
  const platform = usePlatform();

  afterEach(() => forgetRuns(platform));

  /** Waits for the end; what the command wrote as JSON lines is in `events`. */
  const run = (...args: string[]) => runWith({}, ...args);
  const runWith = async (env: Record<string, string>, ...args: string[]) => {
    const result = await runCli(program, args, { platform, env });
    return { ...result, events: result.events() };
  };

  const makeCompany = () => platform.createTenant();
  const makeOnesBehind = async (count: number) => {
    const made = await Promise.all(Array.from({ length: count }, makeCompany));
    for (const { id } of made) await makeBehind(platform, id);
    return made;
  };
  /** Its next migration fails: what it would make is there, and unknown. */
  const breakOne = async ({ id }: { id: number }) => {
    await platform.query(`ALTER TABLE tenant_${id}.user_sessions ADD COLUMN impersonated_by text`);
  };
  const repair = ({ id }: { id: number }) =>
    platform.query(`ALTER TABLE tenant_${id}.user_sessions DROP COLUMN impersonated_by`);

  it("brings a company by id, uuid or slug to the newest version, and says what it did", async () => {
    const { id, uuid, slug, schema } = await makeCompany();
    await makeBehind(platform, id);
    const before = await run("status");
    expect(before.status).to.equal(3);
    expect(before.stdout).to.include(`${schema} (${slug}): 0013_`).and.include("1 are behind");
    const dry = await run("tenant", slug, "--dry-run");
    expect(dry.stdout).to.include(`-- ${lastMigration}`).and.include("-- locks user_sessions: ACCESS");
    expect(await run("tenant", String(id))).to.deep.include({
      status: 0,
      stdout: `${schema} (${slug}): applied ${lastMigration}\n`,
    });
    expect((await run("tenant", uuid)).stdout).to.equal(`${schema} (${slug}): nothing to do\n`);
    // What came back is the tenant's to use, as if it had always been there.
    const column = `has_column_privilege($1, '${schema}.user_sessions', 'impersonated_by', 'INSERT')`;
    const [grant] = await platform.query(`SELECT ${column} AS ok`, [schema]);
    expect(grant).to.deep.equal({ ok: true });
  });

  it("brings all to the newest version, wave by wave, in JSON lines into a pipe", async () => {
    await makeOnesBehind(4);
    const dry = await run("all", "--waves", "50", "--dry-run");
    expect(dry.status).to.equal(0);
    expect(dry.stdout)
      .to.match(/4 tenants; nothing is changed now/)
      .and.match(/ 2 in wave 50 %/)
      .and.include(lastMigration);
    expect((await run("status", "--json")).events[0]!.fleet).to.deep.include({ behind: 4, lastRun: null });

    const { status, events } = await run("all", "--waves", "50", "--concurrency", "2");
    expect(status).to.equal(0);
    expect(events.map(({ event }) => event)).to.include.members(["public", "started", "progress", "ended"]);
    expect(events.at(-1)).to.deep.include({ event: "ended", status: "succeeded", tenants: 4, done: 4, failed: 0 });
    const [row] = await platform.query("SELECT options, requested_by FROM migration_runs");
    expect(row?.["options"]).to.deep.include({ waves: [50, 100], concurrency: 2 });
    expect(row?.["requested_by"]).to.match(/^cli:/);
    const { lastRun } = (await run("status", "--json")).events[0]!.fleet;
    expect(lastRun).to.deep.include({ id: events.at(-1)!.run, status: "succeeded" });
    const again = await run("all");
    expect([again.status, again.events.at(-1)?.status]).to.deep.equal([0, "nothing-to-do"]);
  });

  it("names failed tenants and ends with 1; a retry finishes those, and only those", async () => {
    const [bad] = await makeOnesBehind(3);
    await breakOne(bad!);
    const first = await run("all", "--no-canary", "--waves", "100");
    expect(first.status).to.equal(1);
    const failures = first.events.filter(({ event }) => event === "tenant-failed");
    expect(failures).to.have.length(1);
    expect(failures[0]).to.deep.include({ tenantId: bad!.id, slug: bad!.slug });
    expect(failures[0]!.error).to.deep.include({ code: "42701", migration: lastMigration });
    expect(first.events.at(-1)).to.deep.include({ status: "failed", done: 2, failed: 1 });
    const { run: id } = first.events.at(-1)!;
    expect((await run("runs")).stdout).to.include(`${id}  failed`);
    expect((await run("runs", id)).stdout).to.include(`tenant_${bad!.id} (${bad!.slug}): ${lastMigration}, statement`);
    await repair(bad!);
    const second = await run("all", "--retry-failed");
    expect(second.status).to.equal(0);
    expect(second.events.at(-1)).to.deep.include({ run: id, status: "succeeded", done: 3, failed: 0 });
  });

  it("pauses at the first failure when told so, and is resumed or ended, by id or not", async () => {
    const made = await makeOnesBehind(3);
    for (const one of made) await breakOne(one);
    const all = ["all", "--no-canary", "--waves", "100", "--concurrency", "1", "--on-error", "pause"];
    const paused = await run(...all);
    expect(paused.status).to.equal(4);
    expect(paused.events.at(-1)).to.deep.include({ status: "paused", failed: 1, waiting: 2 });
    const refused = await run("all");
    expect(refused.status).to.equal(5);
    expect(refused.stderr).to.include(paused.events.at(-1)!.run);
    for (const one of made) await repair(one);
    const resumed = await run("resume", "--retry-failed");
    expect(resumed.status).to.equal(0);
    expect(resumed.events.at(-1)).to.deep.include({ status: "succeeded", done: 3 });
    expect(await run("pause")).to.deep.include({
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
    const running = startCli(program, ["all", "--no-canary", "--lock-timeout", "100ms"], { platform });
    await running.prints(/"busy":[1-3]/);
    await holdRuns(platform);
    expect((await running.stop("SIGINT")).status, running.output()).to.equal(4);
    const [row] = await platform.query<{ id: string; status: string }>(
      "SELECT id, status FROM migration_runs WHERE finished_at IS NULL",
    );
    expect(running.output()).to.include(`npm run migrate -- resume ${row?.id}`);
    expect(row?.status).to.equal("running");
    await busy.query("ROLLBACK");
    await busy.end();
    await leaveRunsToCommands(platform);
    expect((await run("resume")).events.at(-1)).to.deep.include({ run: row?.id, status: "succeeded", done: 3 });
  });

  it("takes a company back by its last batch and forward again, only when confirmed", async () => {
    const { id, slug } = await makeCompany();
    const unconfirmed = await run("rollback", "tenant", slug, "--to", "0013");
    expect(unconfirmed.status).to.equal(2);
    expect(unconfirmed.stderr).to.include("--yes");
    const dry = await run("rollback", "tenant", slug, "--to", "0013", "--dry-run");
    expect(dry.stdout).to.include("back to 0013_").and.include(`-- ${lastMigration} (down)`);
    const back = await run("rollback", "tenant", slug, "--to", "0013", "--yes");
    expect(back.events.at(-1)).to.deep.include({ status: "succeeded", tenants: 1, done: 1 });
    expect((await run("status")).stdout).to.include(`tenant_${id} (${slug}): 0013_`);
    expect((await run("all")).status).to.equal(0);
  });

  it("takes a tagged canary first, and goes no further when it fails", async () => {
    const [bad] = await makeOnesBehind(2);
    expect((await run("canary", bad!.slug)).stdout).to.include("is a canary from now on");
    await breakOne(bad!);
    const paused = await run("all");
    expect(paused.status).to.equal(4);
    expect(paused.events.at(-1)).to.deep.include({ failed: 1, done: 0, waiting: 1 });
    expect(paused.events.at(-1)!.pauseReason).to.include("1 of 1 canaries failed");
    expect((await run("canary")).stdout).to.equal(`tenant_${bad!.id} (${bad!.slug})\n`);
    await repair(bad!);
    expect((await run("resume", "--retry-failed")).status).to.equal(0);
    expect((await run("canary", bad!.slug, "--remove")).status).to.equal(0);
    const acts = await platform.query("SELECT action FROM audit_log WHERE action LIKE 'tenant.canary%' ORDER BY id");
    expect(acts.map(({ action }) => action)).to.deep.equal(["tenant.canary-tagged", "tenant.canary-untagged"]);
  });

  it("verifies every schema, and proposes a repair of one that drifted", async () => {
    const { schema, slug } = await makeCompany();
    const file = join(platform.config.DATA_DIR, "repair.sql");
    await platform.query(`DROP INDEX ${schema}.user_sessions_user_id_idx`);
    const { status, stdout } = await run("verify", "--repair-sql", file);
    expect(status).to.equal(1);
    expect(stdout).to.include(`${schema}: index user_sessions_user_id_idx is missing`).and.include("1 drifted");
    expect((await run("verify", "--tenant", slug, "--json")).events[0]!.counts).to.deep.include({ drifted: 1, ok: 0 });
    await platform.query(readFileSync(file, "utf8"));
    expect((await run("verify", "--tenant", slug)).status).to.equal(0);
  });

  it("sets a database up, and does so twice without harm", async () => {
    expect(await run("setup")).to.deep.include({ status: 0, stdout: "setup: nothing to do\n" });
    expect(await run("public")).to.deep.include({ status: 0, stdout: "public: nothing to do\n" });
  });

  it("writes an empty migration with the next number", async () => {
    // Not in the product's own folder: other test files read it at the same time.
    const TENANT_MIGRATIONS = mkdtempSync(join(tmpdir(), "secretaria-own-"));
    const { status, stdout } = await runWith({ TENANT_MIGRATIONS }, "make", "add_loyalty_points");
    const path = stdout.trim();
    try {
      expect(status).to.equal(0);
      expect(path).to.equal(join(TENANT_MIGRATIONS, "5000_add_loyalty_points.sql"));
      expect(existsSync(path)).to.equal(true);
      const lint = await runWith({ TENANT_MIGRATIONS }, "lint");
      expect(lint.status).to.equal(1);
      expect(lint.stdout)
        .to.include(`${basename(path)}:`)
        .and.include(" error ");
    } finally {
      rmSync(TENANT_MIGRATIONS, { recursive: true });
    }
    expect(await run("lint", "--database", "--json")).to.deep.include({ status: 0, stdout: "[]\n" });
    expect(await run("make", "Add Points")).to.deep.include({ status: 1 });
  });

  it("explains itself, and refuses what it does not know", async () => {
    expect((await run("--help")).stdout).to.include("tenant <id|uuid|slug>");
    expect(await run("explode")).to.deep.include({ status: 2 });
    expect(await run("all", "--waves", "10,5")).to.deep.include({ status: 2 });
    for (const wrong of [["--bake", "soon"], ["--concurrency", "0"], ["--fast"], ["everything"]])
      expect(() => allCommand.read(wrong), wrong.join(" ")).to.throw();
    expect(() => rollbackCommand.read([])).to.throw("rollback tenant <id|uuid|slug>");
    expect(() => resumeCommand.read(["17"])).to.throw("no run's id");
    expect((await run("all", "--to", "0999")).stderr).to.include("there is no migration '0999'");
    expect((await run("tenant", "nobody")).stderr).to.include("there is no company 'nobody'");
  });
});
