/** The runtime as a library in somebody else's Express app: what each part of its surface promises. */
import type { AddressInfo } from "node:net";
import { expect } from "chai";
import express, { type Express } from "express";
import { AppError } from "../core/errors.ts";
import { closeServer } from "../core/http.ts";
import { runtimeRole } from "../core/migrations/tenant-schema.ts";
import { createSecrets } from "../core/secrets.ts";
import { servicePassword } from "../core/service-roles.ts";
import { createTestTenancy, type TestTenancy, type TestTenant } from "../test-kit/index.ts";
import { openTenancy, optionsFromEnv, type Tenancy } from "../tenant-runtime/library/index.ts";
import { startPooler } from "./support/pgbouncer.ts";
import { runtimeClient, type AskRuntime } from "./support/runtime-client.ts";
import { masterKey, shared } from "./support/servers.ts";
import { until } from "./support/wait.ts";

const failureOf = (work: Promise<unknown>): Promise<Error & { code?: string }> =>
  work.then(
    () => expect.fail("it did not fail"),
    (error: Error) => error,
  );

describe("the runtime as a library", () => {
  let one: TestTenancy;
  let two: TestTenancy;
  let a: TestTenant;
  let b: TestTenant;
  let foreign: TestTenant;
  let tokenOfA: string;
  let served: Served;

  before(async () => {
    const servers = { databaseUrl: shared.databaseUrl, redisUrl: shared.redisUrl, masterKey };
    [one, two] = await Promise.all([createTestTenancy(servers), createTestTenancy(servers)]);
    [a, b, foreign] = await Promise.all([one.createTenant(), one.createTenant(), two.createTenant({ slug: "other" })]);
    for (const tenant of [a, b]) await tenant.db("customers").insert({ name: `customer of ${tenant.slug}` });
    tokenOfA = await one.tokenFor(a, { role: "admin" });
    served = await serve(twoTenancies(one.tenancy, two.tenancy));
  });
  after(async () => {
    await served?.close();
    await Promise.all([one?.close(), two?.close()]);
  });

  describe("middleware", () => {
    it("works under a path, next to routes that are no tenant's", async () => {
      const { body } = await served.ask(a.apiHost, "GET /one/customers", { token: tokenOfA });
      const [customer, mail] = [`customer of ${a.slug}`, `admin@${a.slug}.test`];
      expect(body).to.deep.equal({ slug: a.slug, mail, customers: [customer], current: a.id });
      expect((await served.ask("nobody.test", "GET /free")).body).to.deep.equal({ tenant: null });
      expect((await served.ask("nobody.test", "GET /one/open")).body).to.include({ code: "host-unknown", status: 404 });
    });

    it("keeps two tenancies of one process apart", async () => {
      expect((await served.ask(foreign.apiHost, "GET /two/open")).body).to.deep.equal({ slug: "other" });
      expect((await served.ask(foreign.apiHost, "GET /one/open")).body).to.include({ code: "host-unknown" });
      const { status, body } = await served.ask(a.apiHost, "GET /mixed", { token: tokenOfA });
      expect({ status, message: body.message }).to.deep.equal({
        status: 599,
        message: "mount this tenancy's resolve before its guard",
      });
      const asked = await served.ask(foreign.apiHost, "GET /two/whose-of-one");
      expect(asked.body.message).to.include("another tenancy");
    });

    it("takes another company's token for none", async () => {
      const answer = await served.ask(b.apiHost, "GET /one/customers", { token: tokenOfA });
      expect(answer.body).to.include({ status: 403, code: "tenant-mismatch" });
      expect(answer.headers["content-type"]).to.include("application/problem+json");
      const expired = await one.tokenFor(a, { ttlSeconds: -1 });
      const late = await served.ask(a.apiHost, "GET /one/customers", { token: expired });
      expect(late.body).to.include({ status: 401, code: "token-invalid" });
    });

    it("holds a company to its plan: its modules, and its requests a second", async () => {
      const premium = await one.createTenant({ plan: "premium" });
      const refused = await served.ask(premium.apiHost, "GET /one/limited");
      expect([refused.status, refused.body.code]).to.deep.equal([403, "module-not-in-plan"]);
      expect(refused.headers["ratelimit-policy"]).to.equal('"default";q=200;w=2');
      const enterprise = await one.createTenant({ plan: "enterprise" });
      expect((await served.ask(enterprise.apiHost, "GET /one/limited")).body).to.deep.equal({ through: true });
    });

    it("leaves the app's own errors to the app", async () => {
      const { status, body } = await served.ask(a.apiHost, "GET /one/broken");
      expect({ status, body }).to.deep.equal({ status: 599, body: { message: "the app's own" } });
      const thrown = await served.ask(a.apiHost, "GET /one/refused");
      expect(thrown.body).to.include({ status: 403, code: "not-allowed", detail: "Ask an admin." });
    });
  });

  describe("outside of a request", () => {
    it("finds a tenant by its id and by its hosts", async () => {
      for (const reference of [a.id, a.apiHost, a.chatHost.toUpperCase()]) {
        const { slug, db } = await one.tenancy.forTenant(reference);
        expect(slug).to.equal(a.slug);
        expect(await db("customers").pluck("name")).to.deep.equal([`customer of ${a.slug}`]);
      }
      for (const reference of [foreign.id, foreign.apiHost, 0, -1, 1.5, Number.NaN, "", "no host", "nobody.test"])
        expect((await failureOf(one.tenancy.forTenant(reference))).code, String(reference)).to.equal(
          "tenant-not-found",
        );
    });

    it("gives the handle of a suspended or closed company only on request", async () => {
      const { id, apiHost } = await one.createTenant();
      await one.tenancy.forTenant(id);
      const change = (values: object) => one.registry("companies").where({ id }).update(values);
      const refusal = (...alsoWhen: ("suspended" | "closed")[]) =>
        one.tenancy.forTenant(id, { alsoWhen }).then(
          () => "none",
          (error: AppError) => error.code,
        );
      const becomes = (code: string, ...alsoWhen: ("suspended" | "closed")[]) =>
        until(
          () => refusal(...alsoWhen),
          (now) => now === code,
          { what: code },
        );

      await change({ desired_state: "suspended" });
      await becomes("tenant-suspended");
      expect((await served.ask(apiHost, "GET /one/open")).body).to.include({ code: "tenant-suspended", status: 403 });
      const handle = await one.tenancy.forTenant(id, { alsoWhen: ["suspended"] });
      expect(await handle.db("customers").select()).to.deep.equal([]);

      await change({ desired_state: "closed", closed_from: "suspended", purge_after: new Date(Date.now() + 1e8) });
      await becomes("tenant-deleted");
      expect(await refusal("suspended")).to.equal("tenant-deleted");
      expect(await refusal("closed")).to.equal("none");

      await change({ desired_state: "deleted" });
      await becomes("tenant-deleted", "closed", "suspended");
    });

    it("names a job's company, and fails closed where there is none", async () => {
      expect(() => one.tenancy.currentTenant()).to.throw("no tenant is served here");
      const tenant = await one.tenancy.forTenant(b.id);
      const seen = await one.tenancy.runAs(tenant, async () => {
        await tenant.db("customers").first("id");
        expect(() => two.tenancy.currentTenant()).to.throw("another tenancy");
        return one.tenancy.currentTenant().slug;
      });
      expect(seen).to.equal(b.slug);
      expect(() => one.tenancy.currentTenant()).to.throw("no tenant is served here");
    });
  });

  describe("opening and closing", () => {
    it("names every option that it cannot use, and none of their values", async () => {
      const bad = {
        databaseUrl: "mysql://root:hunter2@db",
        redisUrl: "",
        masterKey: "c2hvcnQ=",
        connections: 0,
        pool: 1,
      };
      const failure = await failureOf(openTenancy(bad));
      expect(failure).to.be.instanceOf(TypeError);
      for (const key of Object.keys(bad)) expect(failure.message).to.include(key);
      for (const value of ["hunter2", "c2hvcnQ"]) expect(failure.message).not.to.include(value);
      const missing = await failureOf(openTenancy(optionsFromEnv({ DB_POOL_MAX: "many" })));
      for (const key of ["databaseUrl", "redisUrl", "masterKey", "connections"])
        expect(missing.message).to.include(key);
    });

    it("opens with what the environment says, and closes for good", async () => {
      const { databaseUrl, redisUrl } = one.options;
      const options = optionsFromEnv({ DATABASE_URL: databaseUrl, REDIS_URL: redisUrl, MASTER_KEY: masterKey });
      expect(options).to.deep.equal({ databaseUrl, redisUrl, masterKey });
      const tenancy = await openTenancy({
        ...options,
        name: "short-lived",
        masterKey: Buffer.from(masterKey, "base64"),
      });
      const { db } = await tenancy.forTenant(a.id);
      expect(await db("customers").pluck("name")).to.deep.equal([`customer of ${a.slug}`]);
      await until(tenancy.health, ({ ok, registryChanges }) => ok && registryChanges.ok, { what: "health" });
      expect(await sessionsOf("short-lived")).to.include.members([
        "short-lived",
        "short-lived registry",
        "short-lived listener",
      ]);
      await Promise.all([tenancy.close(), tenancy.close()]);
      await endOf("short-lived");
      expect((await tenancy.health()).ok).to.equal(false);
    });

    it("sends tenants' statements, and nothing else, through a transaction-mode pooler", async () => {
      const { databaseUrl } = one.options;
      const password = servicePassword(createSecrets(Buffer.from(masterKey, "base64")), runtimeRole);
      const pooler = await startPooler(databaseUrl, { user: runtimeRole, password, connections: 1 });
      const tenancy = await openTenancy({ ...one.options, poolUrl: pooler.url, name: "pooled" });
      try {
        const seen = await Promise.all(
          [a, b, a, b].map(async ({ id }) => (await tenancy.forTenant(id)).db("customers").pluck("name")),
        );
        expect(seen.flat()).to.deep.equal([a, b, a, b].map(({ slug }) => `customer of ${slug}`));
        // A pooler hears no NOTIFY for its clients: the listener has to be on the server itself.
        await until(tenancy.health, ({ registryChanges }) => registryChanges.ok, { what: "a listener" });
        await pooler.stop();
        expect((await failureOf((await tenancy.forTenant(a.id)).db("customers").first())).message).to.match(
          /ECONNREFUSED|Connection terminated/,
        );
        expect(await tenancy.health()).to.deep.include({ ok: true });
      } finally {
        await tenancy.close();
        await pooler.stop();
      }
    });

    it("does not open on an empty database or with another key, and leaves nothing open", async () => {
      const empty = Object.assign(new URL(one.options.databaseUrl), { pathname: "/postgres" }).toString();
      for (const wrong of [{ databaseUrl: empty }, { masterKey: Buffer.alloc(32, 1) }]) {
        const failure = await failureOf(openTenancy({ ...one.options, ...wrong, waitSeconds: 0, name: "not-opened" }));
        expect(failure.message).to.include("the registry is not usable");
        await endOf("not-opened", 5);
      }
    });

    const sessionsOf = (name: string): PromiseLike<string[]> =>
      one.registry("pg_stat_activity").whereLike("application_name", `${name}%`).pluck("application_name");
    const endOf = (name: string, seconds = 20) =>
      until(
        async () => sessionsOf(name),
        (names) => names.length === 0,
        { what: "the end of all sessions", seconds },
      );
  });
});

/** An app that has routes of its own, one tenancy under /one and another under /two. */
function twoTenancies(one: Tenancy, two: Tenancy): Express {
  const app = express();
  app.get("/free", (req, res) => void res.json({ tenant: req.tenant ?? null }));
  app.use("/one", one.resolve);
  app.get("/one/customers", one.guard, async (req, res) => {
    const customers = await req.tenant.db("customers").pluck("name");
    res.json({ slug: req.tenant.slug, mail: req.user.email, customers, current: one.currentTenant().id });
  });
  app.get("/one/limited", one.limits, one.requireModule("ai"), (_req, res) => void res.json({ through: true }));
  app.get("/one/open", (req, res) => void res.json({ slug: req.tenant.slug }));
  app.get("/one/broken", () => {
    throw new Error("the app's own");
  });
  app.get("/one/refused", () => {
    throw new AppError("not-allowed", "Ask an admin.");
  });
  app.use("/two", two.resolve);
  app.get("/two/open", (req, res) => void res.json({ slug: req.tenant.slug }));
  app.get("/two/whose-of-one", () => void one.currentTenant());
  app.get("/mixed", one.resolve, two.guard);
  app.use(one.problems, two.problems);
  app.use(((error, _req, res, _next) => {
    res.status(599).json({ message: (error as Error).message });
  }) satisfies express.ErrorRequestHandler);
  return app;
}

interface Served {
  readonly ask: AskRuntime;
  close(): Promise<void>;
}

async function serve(app: Express): Promise<Served> {
  const server = app.listen(0, "127.0.0.1");
  await new Promise<void>((resolve) => server.once("listening", resolve));
  const { port: httpPort } = server.address() as AddressInfo;
  const client = runtimeClient({ httpPort });
  return {
    ask: (host, what, request) => client(host, what, { plain: true, ...request }),
    close: () => closeServer(server),
  };
}
