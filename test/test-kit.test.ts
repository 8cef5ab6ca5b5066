/** What an importer's own tests stand on: databases that do not meet, and nothing left on the server. */
import { expect } from "chai";
import { createTestTenancy, type TestTenancy } from "../test-kit/index.ts";
import { masterKey, runQuery, shared } from "./support/servers.ts";

const open = (): Promise<TestTenancy> =>
  createTestTenancy({ databaseUrl: shared.databaseUrl, redisUrl: shared.redisUrl, masterKey });

const databases = async (like: string): Promise<string[]> => {
  const rows = await runQuery(shared.databaseUrl, "SELECT datname FROM pg_database WHERE datname ~ $1 ORDER BY 1", [
    like,
  ]);
  return rows.map(({ datname }) => datname as string);
};
const roles = async (): Promise<string[]> => {
  const rows = await runQuery(shared.databaseUrl, "SELECT rolname FROM pg_roles WHERE rolname ~ '^tenant_9\\d{12}$'");
  return rows.map(({ rolname }) => rolname as string);
};
const templates = () => databases("^secretaria_test_template_");
const clones = () => databases("^secretaria_test_\\d+$");

describe("the test kit", () => {
  let one: TestTenancy;
  let two: TestTenancy;

  before(async () => {
    [one, two] = await Promise.all([open(), open()]);
  });
  after(() => Promise.all([one?.close(), two?.close()]));

  it("clones a database for each from one template", async () => {
    expect(one.options.databaseUrl).not.to.equal(two.options.databaseUrl);
    expect(await clones()).to.have.length(2);
    expect(await templates()).to.have.length(1);
  });

  it("makes tenants with the plan's terms and modules, and people who are signed in", async () => {
    const { slug, terms, modules, apiHost, db, id } = await one.createTenant({ slug: "acme" });
    expect({ slug, apiHost, users: terms.usersLimit }).to.deep.equal({
      slug: "acme",
      apiHost: "api.acme.test",
      users: 3,
    });
    expect(modules).to.deep.equal(["chat", "crm", "store"]);
    await db("customers").insert({ name: "Ana" });
    const own = await one.createTenant({ plan: "premium", modules: ["finance"] });
    expect(own.modules).to.deep.equal(["finance"]);
    expect(own.terms.usersLimit).to.equal(15);
    expect(await own.db("customers").pluck("name")).to.deep.equal([]);
    const tenant = await one.tenancy.forTenant(id);
    const tokens = [await one.tokenFor(tenant, { role: "admin" }), await one.tokenFor(tenant, { role: "admin" })];
    expect(new Set(tokens).size).to.equal(2);
    expect(await db("users").select("email", "role")).to.deep.equal([{ email: "admin@acme.test", role: "admin" }]);
    expect(await db("user_sessions").pluck("kind")).to.deep.equal(["login", "login"]);
  });

  it("has ids, and so roles, that no other database on the server has", async () => {
    const [a, b] = await Promise.all([one.createTenant({ slug: "same" }), two.createTenant({ slug: "same" })]);
    expect(Math.abs(a.id - b.id)).to.be.at.least(999_000);
    expect(await roles()).to.include.members([`tenant_${a.id}`, `tenant_${b.id}`]);
    await a.db("customers").insert({ name: "Ana" });
    expect(await b.db("customers").pluck("name")).to.deep.equal([]);
  });

  it("makes nothing of a tenant whose plan there is not", async () => {
    const failure = await one
      .createTenant({ slug: "half", plan: "gold" })
      .catch((error: { code: string }) => error.code);
    expect(failure).to.equal("plan-unknown");
    expect(await one.registry("companies").where({ slug: "half" })).to.deep.equal([]);
  });

  it("removes what a killed run left, and in the end all of its own but the template", async () => {
    const killed = await open();
    const { id } = await killed.createTenant();
    // As the server sees the end of a process: its sessions are gone, nothing was dropped.
    await killed.tenancy.close();
    await killed.registry.destroy();
    await runQuery(
      shared.databaseUrl,
      `SELECT pg_terminate_backend(s.pid, 5000) FROM pg_locks l JOIN pg_stat_activity s ON s.pid = l.pid
        WHERE l.locktype = 'advisory' AND l.classid = (hashtext('secretaria.test-kit')::bigint & 4294967295)::oid
          AND l.objid = $1::bigint::oid`,
      [new URL(killed.options.databaseUrl).pathname.replace(/\D/g, "")],
    );
    expect(await clones()).to.have.length(3);
    const heir = await open();
    expect(heir.options.databaseUrl).to.equal(killed.options.databaseUrl);
    expect(await roles()).not.to.include(`tenant_${id}`);
    expect(await heir.registry("companies").pluck("id")).to.deep.equal([]);
    await Promise.all([heir.close(), one.close(), two.close()]);
    expect(await clones()).to.deep.equal([]);
    expect(await roles()).to.deep.equal([]);
    expect(await templates()).to.have.length(1);
  });
});
