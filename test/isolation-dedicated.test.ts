/** A company whose plan asks for it is served over connections that are logged in as its own role. */
import { expect } from "chai";
import pg from "pg";
import { databasePassword } from "../core/tenant-secrets.ts";
import { openTenantPool, type TenantHandle, type TenantPool } from "../core/tenant-db/tenant-pool.ts";
import { usePlatform } from "./support/platform.ts";
import { openCompany, runtimeClient, type Company } from "./support/runtime-client.ts";
import { until } from "./support/wait.ts";

const plan = { code: "reservado", name: "Reservado", priceCents: 199_900, isolation: "dedicated" };

describe("the dedicated level of isolation", () => {
  const platform = usePlatform({ runtime: true, workers: true, config: { WARM_TENANTS: 1 } });
  const ask = runtimeClient(platform);
  let dedicated: Company;
  let pooled: Company;
  let pool: TenantPool;
  let handle: TenantHandle;
  before(async () => {
    dedicated = await openCompany(platform, { plan });
    pooled = await openCompany(platform);
    pool = openTenantPool(platform.databaseUrl, platform.ctx.secrets, { name: "dedicated test", max: 2 });
    handle = pool.forTenant(dedicated, { isolation: "dedicated" });
  });
  after(() => pool.close());

  const logInAs = async (company: Company): Promise<string> => {
    const url = new URL(platform.databaseUrl);
    url.username = `tenant_${company.id}`;
    url.password = databasePassword(platform.ctx.secrets, company.id);
    const client = new pg.Client({ connectionString: url.toString() });
    try {
      await client.connect();
      const { rows } = await client.query("SELECT current_user AS name, count(*)::int FROM users GROUP BY 1");
      return rows[0].name;
    } catch (error) {
      return (error as { code: string }).code;
    } finally {
      await client.end();
    }
  };
  const setIsolation = async (isolation: string) => {
    await platform.query("UPDATE plans SET isolation = $1 WHERE code = 'reservado'", [isolation]);
    // Nobody announces a change of a plan itself.
    await platform.query("UPDATE companies SET updated_at = now() WHERE id = $1", [dedicated.id]);
  };
  const reconcile = () => platform.api.post(`/api/tenants/${dedicated.id}/reconcile`);
  const loginBecomes = async (answer: string) => {
    await reconcile();
    await until(
      () => logInAs(dedicated),
      (now) => now === answer,
      { what: `a login that answers ${answer}` },
    );
  };
  const sessionOf = async ({ db }: TenantHandle) =>
    (
      await db.raw(
        "SELECT session_user AS session, current_user AS user, current_setting('app.current_tenant') AS tenant",
      )
    ).rows[0];

  it("is a plan's to ask for, and shown with the plan", async () => {
    const { body } = await platform.api.get("/api/plans");
    const isolationOf = (code: string) => body.plans.find((one) => one.code === code)?.isolation;
    expect([isolationOf("reservado"), isolationOf("basic")]).to.deep.equal(["dedicated", "pooled"]);
    const same = { name: "Outra", domain: "outra.com.br", slug: "outra", plan: { ...plan, isolation: "pooled" } };
    expect((await platform.api.post("/api/tenants/provision", same)).body.code).to.equal("plan-exists");
  });

  it("gives the role a password of the master key, and no other company's role one", async () => {
    expect(await logInAs(dedicated)).to.equal(`tenant_${dedicated.id}`);
    expect(await logInAs(pooled)).to.equal("28P01");
    await reconcile();
    const { inspection } = await until(
      async () => (await platform.api.get(`${dedicated.path}/explain`)).body,
      (body) => typeof body.inspection?.result === "string",
      { what: "the inspection" },
    );
    expect(inspection?.findings, "what an inspection says of it").to.deep.equal([]);
  });

  it("serves requests as a session of the role, which may become no other", async () => {
    const me = await ask(dedicated.api, "GET /v1/me", { token: dedicated.token });
    expect(me.status).to.equal(200);
    const sessions = await platform.query<{ n: number }>(
      "SELECT count(*)::int AS n FROM pg_stat_activity WHERE usename = $1 AND application_name = 'secretaria tenant-runtime'",
      [`tenant_${dedicated.id}`],
    );
    expect(sessions[0]?.n).to.be.within(1, 3);

    const role = `tenant_${dedicated.id}`;
    expect(await sessionOf(handle)).to.deep.equal({ session: role, user: role, tenant: dedicated.uuid });
    // Below the handle's own list of statements: what the server says to somebody who controls a whole one.
    const client = new pg.Client(
      platform.databaseUrl.replace(/\/\/.*@/, `//${role}:${databasePassword(platform.ctx.secrets, dedicated.id)}@`),
    );
    await client.connect();
    try {
      const attempts = [
        `SET ROLE tenant_${pooled.id}`,
        "SET ROLE secretaria_runtime",
        "SET SESSION AUTHORIZATION secretaria_runtime",
        `SELECT * FROM tenant_${pooled.id}.users`,
        "SELECT * FROM public.companies",
        "CREATE TABLE mine (id int)",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "DO $$ BEGIN END $$",
      ];
      for (const sql of attempts) {
        const code = await client.query(sql).then(
          () => "ran",
          (error: { code: string }) => error.code,
        );
        expect(code, sql).to.equal("42501");
      }
    } finally {
      await client.end();
    }
    expect(await sessionOf(pool.forTenant(pooled))).to.deep.equal({
      session: "secretaria_runtime",
      user: `tenant_${pooled.id}`,
      tenant: pooled.uuid,
    });
  });

  it("opens three connections at most, and keeps a transaction on one", async () => {
    const pids = await Promise.all(
      Array.from(
        { length: 12 },
        async () => (await handle.db.raw("SELECT pg_backend_pid() AS pid, pg_sleep(0.02)")).rows[0].pid,
      ),
    );
    expect(new Set(pids).size).to.be.within(1, 3);
    const inOne = await handle.transaction(async (db) => {
      const pid = async () => (await db.raw("SELECT pg_backend_pid() AS pid")).rows[0].pid as number;
      return [await pid(), await pid()];
    });
    expect(inOne[0]).to.equal(inOne[1]);
  });

  it("works for its jobs", async () => {
    const sent = await ask(dedicated.chat, "POST /messages", { body: { text: "Olá" } });
    expect(sent.status).to.equal(201);
    await until(
      () => platform.query(`SELECT 1 FROM tenant_${dedicated.id}.outbound_messages`),
      (rows) => rows.length === 1,
      { what: "the reply" },
    );
  });

  it("closes the pool of the company that was served longest ago", async () => {
    const own = openTenantPool(platform.databaseUrl, platform.ctx.secrets, {
      name: "dedicated eviction",
      max: 2,
      dedicatedPools: 1,
    });
    // Its schema and role are made ahead: the password is all that is missing.
    await until(
      () => platform.query("SELECT 1 FROM spare_tenants"),
      (spares) => spares.length > 0,
      { what: "a spare" },
    );
    const other = await openCompany(platform, { plan: "reservado" });
    const users = async () =>
      (
        await platform.query<{ name: string }>(
          "SELECT DISTINCT usename AS name FROM pg_stat_activity WHERE application_name = 'dedicated eviction'",
        )
      ).map(({ name }) => name);
    try {
      for (const company of [dedicated, other]) {
        await own.forTenant(company, { isolation: "dedicated" }).db("users").first("id");
        await until(users, (names) => names.join() === `tenant_${company.id}`, { what: `only tenant_${company.id}` });
      }
    } finally {
      await own.close();
    }
    await until(users, (names) => names.length === 0, { what: "the end of all" });
  });

  it("asks for patience while the password is not there, and inspection brings it back", async () => {
    await platform.query(`ALTER ROLE tenant_${dedicated.id} PASSWORD NULL`);
    const fresh = openTenantPool(platform.databaseUrl, platform.ctx.secrets, { name: "dedicated fresh", max: 2 });
    try {
      const own = fresh.forTenant(dedicated, { isolation: "dedicated" });
      const refused = await own
        .db("users")
        .first("id")
        .catch((error: unknown) => error);
      expect(refused).to.include({ code: "service-unavailable" });
      await loginBecomes(`tenant_${dedicated.id}`);
      expect(await own.db("users").count()).to.have.length(1);
    } finally {
      await fresh.close();
    }
  });

  it("ends with the plan's wish: the password goes, and the shared connections serve", async () => {
    await setIsolation("pooled");
    await loginBecomes("28P01");
    const settings = await platform.query("SELECT rolconfig FROM pg_roles WHERE rolname = $1", [
      `tenant_${dedicated.id}`,
    ]);
    expect(settings).to.deep.equal([{ rolconfig: null }]);
    expect((await ask(dedicated.api, "GET /v1/me", { token: dedicated.token })).status).to.equal(200);
    await setIsolation("dedicated");
    await loginBecomes(`tenant_${dedicated.id}`);
  });
});
