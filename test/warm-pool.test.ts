import { expect } from "chai";
import { startControlPlane } from "../control-plane/start.ts";
import { makeSpare } from "../control-plane/warm-pool/make-spare.ts";
import { listSpares, markDiscarded, markFit } from "../control-plane/warm-pool/spare-store.ts";
import { tendSpares } from "../control-plane/warm-pool/tend-spares.ts";
import { createShutdown } from "../core/shutdown.ts";
import { tenantVersion, versionOf } from "../core/migrations/version.ts";
import { readMigrations } from "../core/migrations/sql-files.ts";
import { createApiClient, newCompany, type ApiClient } from "./support/api-client.ts";
import { runCli } from "./support/cli.ts";
import { forgetLastMigration, undoLastMigration } from "./support/last-migration.ts";
import { adminEmail, adminPassword, usePlatform } from "./support/platform.ts";
import { testLog } from "./support/program-log.ts";
import { openCompany, runtimeClient } from "./support/runtime-client.ts";
import { createTenant } from "./support/tenant.ts";
import { until } from "./support/wait.ts";

const wanted = 3;
const log = testLog();

describe("the warm pool", () => {
  const platform = usePlatform({ runtime: true, workers: true, config: { WARM_TENANTS: wanted } });
  const ask = runtimeClient(platform);

  const spareIds = async () => {
    const rows = await platform.query<{ id: string }>("SELECT id FROM spare_tenants ORDER BY id");
    return rows.map(({ id }) => Number(id));
  };
  const full = () => until(spareIds, (ids) => ids.length === wanted, { what: "a full pool" });
  /** The pool full and its keeper not refilling it: what a test does to the spares stays so until it says otherwise. */
  const withoutKeeper = async (work: (ids: number[]) => Promise<void>) => {
    const ids = await full();
    let release = () => {};
    const busy = platform.ctx.warmPool.provisioning(() => new Promise<void>((resolve) => (release = resolve)));
    try {
      await work(ids);
    } finally {
      release();
      await busy;
    }
  };
  const metric = async (name: string) => {
    const text = (await platform.api.get("/metrics")).body as string;
    return Number(
      text
        .split("\n")
        .find((line) => line.startsWith(`${name} `))
        ?.slice(name.length),
    );
  };
  const things = async (id: number) => {
    const [row] = await platform.query<{ schema: boolean; role: boolean }>(
      `SELECT to_regnamespace($1) IS NOT NULL AS schema, to_regrole($1) IS NOT NULL AS role`,
      [`tenant_${id}`],
    );
    return row;
  };
  const migrate = (...args: string[]) => runCli("scripts/run-migrations", args, { platform });
  /** As an older release would have left it. */
  const goBack = async (id: number) => {
    const older = versionOf(readMigrations("tenant").slice(0, -1));
    await undoLastMigration(platform, `tenant_${id}`);
    await platform.query("UPDATE spare_tenants SET version = $2 WHERE id = $1", [id, older]);
  };

  it("fills up, is counted, and is in no orphan report", async () => {
    const ids = await full();
    expect(await metric("secretaria_warm_tenants")).to.equal(wanted);
    const { body } = await platform.api.get("/api/orphans");
    for (const id of ids) {
      expect(await things(id)).to.deep.equal({ schema: true, role: true });
      expect(body.schemas).not.to.include(`tenant_${id}`);
      expect(body.roles).not.to.include(`tenant_${id}`);
    }
  });

  it("gives the oldest spare to the next company, which works, and fills up again", async () => {
    const [first, ...others] = await full();
    const warm = await metric('secretaria_provisions_total{source="warm"}');
    const company = await openCompany(platform);
    expect(company.id).to.equal(first);
    expect(await metric('secretaria_provisions_total{source="warm"}')).to.equal(warm + 1);
    const mine = await ask(company.api, "GET /v1/tenant", { token: company.token });
    expect(mine.status, JSON.stringify(mine.body)).to.equal(200);
    const customer = await ask(company.api, "POST /v1/customers", { token: company.token, body: { name: "Ana" } });
    expect(customer.status, JSON.stringify(customer.body)).to.equal(201);
    expect(await full()).to.include.members(others);
    const [marks] = await platform.query(
      `SELECT obj_description(to_regnamespace($1), 'pg_namespace') AS schema, shobj_description(to_regrole($1), 'pg_authid') AS role`,
      [`tenant_${first}`],
    );
    const mark = `secretaria tenant ${company.uuid}`;
    expect(marks).to.deep.equal({ schema: mark, role: mark });
  });

  it("gives ten companies at once ten schemas, the spares to three of them", async () => {
    const ids = await full();
    const before = { ...platform.ctx.warmPool.provisions };
    const made = await Promise.all(Array.from({ length: 10 }, () => platform.createTenant()));
    expect(made.map(({ answer }) => answer.status)).to.deep.equal(Array(10).fill(201));
    const given = made.map(({ id }) => id);
    expect(new Set(given).size).to.equal(10);
    expect(given).to.include.members(ids);
    const { warm, cold } = platform.ctx.warmPool.provisions;
    expect(warm - before.warm).to.be.at.least(wanted);
    expect(warm + cold - before.warm - before.cold).to.equal(10);
    for (const id of given) {
      const owners = await platform.query(`SELECT 1 FROM tenant_${id}.users WHERE role = 'owner'`);
      expect(owners).to.have.length(1);
    }
  });

  it("keeps its spares when a request is refused, with and without a key", async () => {
    // Slug taken, plan unknown.
    const { slug } = await platform.createTenant();
    const ids = await full();
    for (const headers of [undefined, { "Idempotency-Key": crypto.randomUUID() }]) {
      const taken = newCompany({ slug });
      expect((await platform.api.post("/api/tenants/provision", taken, headers)).body.code).to.equal("slug-taken");
      const other = headers && { "Idempotency-Key": crypto.randomUUID() };
      const unknown = newCompany({ plan: "nothing" });
      expect((await platform.api.post("/api/tenants/provision", unknown, other)).body.code).to.equal("plan-unknown");
    }
    expect(await spareIds()).to.deep.equal(ids);
  });

  it("discards a spare that was changed, and makes another", async () => {
    await withoutKeeper(async ([first, second]) => {
      await platform.query(`DROP TABLE tenant_${first}.stores CASCADE`);
      await platform.query(`ALTER TABLE tenant_${second}.customers DROP COLUMN name`);
      await platform.query("UPDATE spare_tenants SET checked_at = now() - interval '1 hour'");
      await tendSpares(platform.ctx);
      expect(await spareIds()).to.have.length(wanted - 2);
      for (const id of [first, second]) {
        expect(await things(id as number)).to.deep.equal({ schema: false, role: false });
      }
    });
    platform.ctx.warmPool.wake();
    await full();
  });

  it("gives no company a spare that drifted, though it was not inspected yet", async () => {
    const hidden: number[] = [];
    await withoutKeeper(async ([gone, damaged, foreign]) => {
      await platform.query(`DROP SCHEMA tenant_${gone} CASCADE`);
      await platform.query(`DROP TABLE tenant_${damaged}.customers CASCADE`);
      await platform.query(`COMMENT ON SCHEMA tenant_${foreign} IS 'somebody else'`);
      hidden.push(gone as number, damaged as number, foreign as number);
      const company = await openCompany(platform);
      expect(hidden).not.to.include(company.id);
      const mine = await ask(company.api, "GET /v1/tenant", { token: company.token });
      expect(mine.status).to.equal(200);
      expect(await spareIds()).to.deep.equal(hidden);
      await platform.query("UPDATE spare_tenants SET checked_at = now() - interval '1 hour'");
      await tendSpares(platform.ctx);
    });
    const [gone, damaged, foreign] = hidden as [number, number, number];
    expect(await things(gone)).to.deep.equal({ schema: false, role: false });
    expect(await things(damaged)).to.deep.equal({ schema: false, role: false });
    // A stranger's thing stays, and is told of.
    expect((await things(foreign))?.schema).to.equal(true);
    expect((await platform.api.get("/api/orphans")).body.schemas).to.include(`tenant_${foreign}`);
    await platform.query(`DROP SCHEMA tenant_${foreign} CASCADE`);
    platform.ctx.warmPool.wake();
    await full();
  });

  it("is taken along by the migrations: by the control plane, and by `migrate all`", async () => {
    const version = await tenantVersion();
    const versions = async () =>
      new Set(
        (await platform.query<{ version: string }>("SELECT version FROM spare_tenants")).map((row) => row.version),
      );
    await withoutKeeper(async ([first, second]) => {
      await goBack(first as number);
      const status = await migrate("status");
      expect(status.status).to.equal(3);
      expect(status.stdout).to.include(`tenant_${first} (made ahead): not known yet`);
      expect(await migrate("all")).to.deep.include({ status: 0 });
      expect((await migrate("status")).status).to.equal(0);
      expect([...(await versions())]).to.deep.equal([version]);
      await goBack(second as number);
      await tendSpares(platform.ctx);
      expect([...(await versions())]).to.deep.equal([version]);
      expect(await spareIds()).to.include.members([first, second]);
      const next = await platform.createTenant();
      expect(next.id).to.equal(first);
      expect(
        await platform.query(
          `SELECT impersonated_by FROM tenant_${next.id}.user_sessions WHERE kind = 'impersonation'`,
        ),
      ).to.deep.equal([]);
    });
    await full();
  });

  it("throws a spare away that cannot be migrated", async () => {
    await withoutKeeper(async ([first]) => {
      await forgetLastMigration(platform, `tenant_${first}`);
      await platform.query("UPDATE spare_tenants SET version = '0012_finance.sql 0' WHERE id = $1", [first]);
      await tendSpares(platform.ctx);
      expect(await things(first as number)).to.deep.equal({ schema: false, role: false });
    });
    platform.ctx.warmPool.wake();
    await full();
  });

  it("leaves a newer release's spare alone while that release looks after it", async () => {
    await withoutKeeper(async ([first]) => {
      const newer = () => platform.query("SELECT 1 FROM spare_tenants WHERE id = $1", [first]);
      await platform.query("UPDATE spare_tenants SET version = '9999_next.sql 0' WHERE id = $1", [first]);
      await tendSpares(platform.ctx);
      expect(await newer()).to.have.length(1);
      expect((await platform.createTenant()).id).not.to.equal(first);
      await platform.query("UPDATE spare_tenants SET checked_at = now() - interval '1 day' WHERE id = $1", [first]);
      await tendSpares(platform.ctx);
      expect(await newer()).to.have.length(0);
    });
    platform.ctx.warmPool.wake();
    await full();
  });

  it("gives a discarded spare to no company, though another keeper just accepted it", async () => {
    const version = await tenantVersion();
    await withoutKeeper(async ([first]) => {
      const { db } = platform.ctx;
      expect(await markDiscarded(db, first as number)).to.equal(true);
      await markFit(db, first as number, version);
      await db.raw("SELECT end_tenant_migration(?, ?, NULL, NULL)", [first as number, version]);
      expect((await listSpares(db)).find(({ id }) => id === first)?.version).to.equal("discarded");
      expect((await platform.createTenant()).id).not.to.equal(first);
    });
    await platform.query("DELETE FROM spare_tenants WHERE version = 'discarded'");
    platform.ctx.warmPool.wake();
    await full();
  });

  it("gives up a schema in use, as after a registry restore, and removes nothing of it", async () => {
    const used: number[] = [];
    const addUser = (id: number) =>
      platform.query(`INSERT INTO tenant_${id}.users (email, name, role) VALUES ('ana@acme.com', 'Ana', 'owner')`);
    const ctx = platform.ctx;
    await withoutKeeper(async ([first, second]) => {
      used.push(first as number, second as number);
      await addUser(first as number);
      // A control plane that just started looks at all of them, whenever that was done last.
      await tendSpares({ ...ctx, warmPool: { ...ctx.warmPool, claimable: undefined } });
      expect(await spareIds()).not.to.include(first);
      await addUser(second as number);
      await tendSpares({ ...ctx, config: { ...ctx.config, WARM_TENANTS: 0 } });
      expect(await spareIds()).to.deep.equal([]);
    });
    const { body } = await platform.api.get("/api/orphans");
    for (const id of used) {
      expect(await platform.query(`SELECT name FROM tenant_${id}.users`)).to.deep.equal([{ name: "Ana" }]);
      expect(body.schemas).to.include(`tenant_${id}`);
      await platform.query(`DROP SCHEMA tenant_${id} CASCADE`);
    }
    platform.ctx.warmPool.wake();
    await full();
  });

  it("leaves nothing of a spare whose making broke off, and finishes broken removals", async () => {
    await withoutKeeper(async (ids) => {
      const highest = async () => {
        const [row] = await platform.query<{ id: string }>("SELECT last_value AS id FROM companies_id_seq");
        return Number(row?.id);
      };
      const before = await highest();
      // Its connection is ended while it makes the schema.
      const making = makeSpare(platform.ctx, { version: await tenantVersion(), atMost: 99 }).catch(() => "cut off");
      await until(
        () =>
          platform.query(
            `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND application_name LIKE '% ddl' AND query LIKE 'CREATE ROLE%' AND state = 'active'`,
          ),
        (ended) => ended.length > 0,
        { what: "the making of a spare" },
      );
      expect(await making).to.equal("cut off");
      expect(await spareIds()).to.deep.equal(ids);
      expect(await highest()).to.equal(before + 1);
      expect(await things(before + 1)).to.deep.equal({ schema: false, role: false });

      const [first] = ids;
      await platform.query(
        "UPDATE spare_tenants SET version = 'discarded', checked_at = now() - interval '1 hour' WHERE id = $1",
        [first],
      );
      await platform.query(`DROP TABLE tenant_${first}.customers CASCADE`);
      await tendSpares(platform.ctx);
      expect(await spareIds()).not.to.include(first);
      expect(await things(first as number)).to.deep.equal({ schema: false, role: false });
    });
    platform.ctx.warmPool.wake();
    await full();
  });

  it("is not overfilled by a second control plane, and is emptied when none is wanted", async () => {
    const start = async (WARM_TENANTS: number): Promise<{ api: ApiClient; stop: () => Promise<void> }> => {
      const shutdown = createShutdown(log);
      const { port } = await startControlPlane({ ...platform.config, WARM_TENANTS }, log, shutdown);
      const login = { email: adminEmail, password: adminPassword };
      const api = await createApiClient(`http://127.0.0.1:${port}`, login);
      return { api, stop: () => shutdown.run("test over") };
    };
    const second = await start(wanted);
    try {
      const made = await Promise.all(
        [platform.api, second.api].flatMap((api) => Array.from({ length: 3 }, () => createTenant(api))),
      );
      expect(made.map(({ answer }) => answer.status)).to.deep.equal(Array(6).fill(201));
      await full();
      // Busy while a keeper finds out the same.
      const version = await tenantVersion();
      const makeOneMore = () => makeSpare(platform.ctx, { version, atMost: wanted });
      expect(await until(makeOneMore, (result) => result !== "busy")).to.equal("enough");
    } finally {
      await second.stop();
    }
    await withoutKeeper(async (ids) => {
      const none = await start(0);
      try {
        await until(spareIds, (left) => left.length === 0, { what: "an empty pool" });
        for (const id of ids) expect(await things(id)).to.deep.equal({ schema: false, role: false });
        expect((await createTenant(none.api)).answer.status).to.equal(201);
      } finally {
        await none.stop();
      }
    });
  });
});
