/** A new company from an archive: the same rows, nobody's old way in, and never half of it. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { exportTenant } from "../control-plane/archive/export/export-tenant.ts";
import { importTenant } from "../control-plane/archive/import/import-tenant.ts";
import { verifyArchive } from "../control-plane/archive/file/verify-archive.ts";
import { ownerSetupUrl } from "../control-plane/tenants/owner-setup-link.ts";
import { schemaFingerprint } from "../core/migrations/fingerprint.ts";
import { readMigrations } from "../core/migrations/sql-files.ts";
import { readEntries, runTenant, writeEntries } from "./support/archives.ts";
import { usePlatform } from "./support/platform.ts";
import { openCompany, runtimeClient, type Company } from "./support/runtime-client.ts";
import { sampleOf } from "./support/size.ts";
import { until } from "./support/wait.ts";

describe("the import of an archive", () => {
  const platform = usePlatform({ runtime: true, workers: true });
  const ask = runtimeClient(platform);
  const password = "uma frase que só a Ana sabe";
  let source: Company;
  let file: string;
  let session: { accessToken: string; refreshToken: string };

  before(async () => {
    source = await openCompany(platform, {
      plan: "basic",
      name: "Padaria Ação",
      owner: { name: "Ana", email: "ana@acme.com" },
    });
    const body = { token: source.setupUrl.split("#")[1], password };
    session = (await ask(source.chat, "POST /v1/auth/setup", { body })).body;
    await platform.query(
      `SET search_path TO tenant_${source.id};
       INSERT INTO customers (name, phone, notes) SELECT 'Cliente ' || n, '+5511' || 900000000 + n, '' FROM generate_series(1, 300) n;
       INSERT INTO conversations (channel, contact_key) VALUES ('web', 'a');
       INSERT INTO inbound_messages (conversation_id, body, created_at)
         SELECT id, 'olá', at FROM conversations, unnest(ARRAY[now(), '2001-01-01']::timestamptz[]) AS at;
       INSERT INTO orders (subtotal_cents) VALUES (100), (200);
       INSERT INTO stores (slug, name) VALUES ('centro', 'Centro');`,
    );
    await platform.query("UPDATE companies SET locale = 'en' WHERE id = $1", [source.id]);
    file = await take(source.id);
  });

  const take = async (companyId: number): Promise<string> =>
    (await exportTenant(platform.ctx, { companyId, purpose: "export", actor: "system" })).path;
  const given = (slug: string) => ({ file, slug, domain: `${slug}.com.br`, actor: "cli:test" });
  const refusal = (options: Partial<Parameters<typeof importTenant>[1]> & { slug: string }) =>
    importTenant(platform.ctx, { ...given(options.slug), ...options }).then(
      () => ({ code: "none", message: "it was imported" }),
      (error: { code: string; message: string }) => error,
    );
  const companyOf = async (slug: string) => {
    const rows = await platform.query<{ id: number; desired_state: string }>(
      "SELECT id::int, desired_state FROM companies WHERE slug = $1",
      [slug],
    );
    expect(rows, slug).to.have.length.below(2);
    return rows[0];
  };
  /** Hash of every table but those that an import changes on purpose. */
  const sumsOf = async (path: string) => {
    const { manifest } = await verifyArchive(path);
    const same = manifest.tables.filter(({ name }) => !["user_sessions", "one_time_tokens"].includes(name));
    return {
      tables: same,
      sequences: manifest.sequences,
      migrations: manifest.migrations,
      shape: manifest.fingerprint,
    };
  };

  it("makes another company with the same rows, which answers on its own hosts", async () => {
    const company = await importTenant(platform.ctx, given("copia"));
    expect(company).to.deep.include({ slug: "copia", name: "Padaria Ação", status: "active", locale: "en" });
    expect(company.id).not.to.equal(source.id);
    expect(company.uuid).not.to.equal(source.uuid);
    expect(await sumsOf(await take(company.id))).to.deep.equal(await sumsOf(file));

    const body = { email: "ana@acme.com", password };
    const host = "api.copia.localhost";
    const signedIn = await until(
      () =>
        ask(host, "POST /v1/auth/login", { body, servername: host }).catch((error: Error) => ({
          status: 0,
          body: error,
        })),
      ({ status }) => status === 200,
      { what: "the copy's own host" },
    );
    const token = signedIn.body.accessToken;
    const customers = await ask(host, "GET /v1/customers?limit=100", { token });
    expect(customers.body.customers ?? customers.body.items).to.have.length(100);
    const [order] = await platform.query(
      `INSERT INTO tenant_${company.id}.orders (subtotal_cents) VALUES (1) RETURNING number::int`,
    );
    expect(order, "numbers go on").to.deep.equal({ number: 3 });
    expect((await ask(host, "GET /v1/me", { token: session.accessToken })).body.code).to.equal("tenant-mismatch");
    const refresh = (at: string) => ask(at, "POST /v1/auth/refresh", { body: { refreshToken: session.refreshToken } });
    expect((await refresh(host)).body.code).to.equal("token-invalid");
    expect((await refresh(source.api)).status, "the old company's sessions live on").to.equal(200);

    const link = ownerSetupUrl(platform.ctx, company).split("#")[1];
    const used = await ask("chat.copia.localhost", "POST /v1/auth/setup", {
      body: { token: link, password: `${password}!` },
    });
    expect(used.body.user).to.deep.include({ email: "ana@acme.com", role: "owner" });
    const acts = await platform.query<{ action: string; actor: string }>(
      "SELECT action, actor FROM audit_log WHERE company_id = $1 AND action IN ('tenant.requested', 'tenant.imported')",
      [company.id],
    );
    expect(acts.map(({ action }) => action)).to.have.members(["tenant.requested", "tenant.imported"]);
    expect(acts.map(({ actor }) => actor)).to.deep.equal(["cli:test", "cli:test"]);
    await until(
      () =>
        platform.query("SELECT payload #>> '{outcome,result}' AS result FROM outbox WHERE company_id = $1", [
          company.id,
        ]),
      (mails) => mails.filter(({ result }) => result === "logged").length === 1,
      { what: "the mail to its owner" },
    );
  });

  it("done a second time changes nothing", async () => {
    const before = await companyOf("copia");
    await importTenant(platform.ctx, given("copia"));
    expect(await companyOf("copia")).to.deep.equal(before);
    const [{ n } = { n: 0 }] = await platform.query<{ n: number }>(
      "SELECT count(*)::int AS n FROM audit_log WHERE action = 'tenant.imported' AND company_id = $1",
      [before?.id],
    );
    expect(n).to.equal(1);
  });

  it("is refused where slug, domain or plan are not to be had, and makes nothing", async () => {
    expect(await refusal({ slug: source.slug })).to.deep.include({ code: "slug-taken" });
    expect(await refusal({ slug: "copia", domain: "outra.com.br" })).to.deep.include({ code: "slug-taken" });
    expect(await refusal({ slug: "nova", domain: "copia.com.br" })).to.deep.include({ code: "domain-taken" });
    expect(await refusal({ slug: "nova", plan: "no-such-plan" })).to.deep.include({ code: "plan-unknown" });
    expect(await refusal({ slug: "Not A Slug" })).to.deep.include({ code: "invalid-request" });
    expect(await companyOf("nova")).to.equal(undefined);
  });

  it("that names a migration we do not have is refused before anything is made", async () => {
    const entries = await readEntries(file);
    const manifest = JSON.parse(entries.get("manifest.json")?.toString() as string);
    manifest.migrations.push("9999_from_the_future.sql");
    const path = join(platform.config.DATA_DIR, "future.zip");
    await writeEntries(path, entries.set("manifest.json", Buffer.from(JSON.stringify(manifest))));
    const refused = await refusal({ slug: "futura", file: path });
    expect(refused.code).to.equal("archive-not-importable");
    expect(refused.message).to.include("9999_from_the_future.sql");
    expect(await companyOf("futura")).to.equal(undefined);
  });

  it("of an older archive loads it as it was and migrates it then", async () => {
    const old = await openCompany(platform);
    const schema = `tenant_${old.id}`;
    const fresh = await schemaFingerprint(platform.ctx.db, schema);
    const undone = readMigrations("tenant").slice(-3).toReversed();
    for (const { name, down } of undone)
      await platform.query(
        `SET search_path TO ${schema}, extensions; ${down}; DELETE FROM knex_migrations WHERE name = '${name}'`,
      );
    await platform.query(`INSERT INTO ${schema}.customers (name) VALUES ('De antes')`);
    const path = await take(old.id);
    expect((await verifyArchive(path)).manifest.migrations).to.have.length(
      readMigrations("tenant").length - undone.length,
    );

    const { id } = await importTenant(platform.ctx, { ...given("antiga"), file: path });
    expect(await platform.query(`SELECT name FROM tenant_${id}.customers`)).to.deep.equal([{ name: "De antes" }]);
    const applied = await platform.query<{ name: string }>(`SELECT name FROM tenant_${id}.knex_migrations ORDER BY id`);
    expect(applied.map(({ name }) => name)).to.deep.equal(readMigrations("tenant").map(({ name }) => name));
    expect((await schemaFingerprint(platform.ctx.db, `tenant_${id}`)).hash).to.equal(fresh.hash);
    const mayRead = await platform.query(
      `SELECT has_table_privilege('tenant_${id}', 'tenant_${id}.quotes', 'INSERT') AS ok`,
    );
    expect(mayRead).to.deep.equal([{ ok: true }]);
  });

  it("of a schema changed by hand is refused; its company stays closed and empty", async () => {
    const odd = await openCompany(platform);
    await platform.query(`ALTER TABLE tenant_${odd.id}.customers ADD COLUMN loyalty integer`);
    const refused = await refusal({ slug: "torta", file: await take(odd.id) });
    expect(refused.code).to.equal("archive-not-importable");
    expect(refused.message).to.include("customers.loyalty");
    expect(await companyOf("torta")).to.deep.include({ desired_state: "suspended" });
    const { id } = (await companyOf("torta")) as { id: number };
    expect(await platform.query(`SELECT 1 FROM tenant_${id}.customers`)).to.deep.equal([]);
  });

  it("keeps the company closed until its rows are loaded", async () => {
    // What people wrote there would be gone with the next run.
    const { id } = (await companyOf("torta")) as { id: number };
    expect((await platform.api.post(`/api/tenants/${id}/resume`)).body.code).to.equal("state-conflict");
    expect(await companyOf("torta")).to.deep.include({ desired_state: "suspended" });
    const { id: whole } = (await companyOf("copia")) as { id: number };
    expect((await platform.api.post(`/api/tenants/${whole}/suspend`)).status).to.equal(202);
    expect((await platform.api.post(`/api/tenants/${whole}/resume`)).status).to.equal(202);
  });

  it("is refused when the company is opened before the load has ended", async () => {
    // People would see half of it.
    let opened = false;
    const openAtHalf: Parameters<typeof importTenant>[1]["onProgress"] = ({ step, table }) => {
      if (step !== "load" || table !== "customers" || opened) return;
      opened = true;
      void platform.query(
        "UPDATE companies SET desired_state = 'active', generation = generation + 1 WHERE slug = 'aberta'",
      );
    };
    const refused = await refusal({ slug: "aberta", onProgress: openAtHalf });
    expect(refused).to.deep.include({ code: "import-refused" });
    const { id } = (await companyOf("aberta")) as { id: number };
    expect(await platform.query(`SELECT 1 FROM tenant_${id}.customers`), "rolled back").to.deep.equal([]);
  });

  // After the company's row, before and in and after the load, after the company was opened.
  const points = [
    "active.row.after",
    "import.load.before",
    "import.load.commit",
    "import.load.after",
    "import.row.after",
  ];
  for (const [i, point] of sampleOf(points, 2).entries()) {
    it(`killed at ${point} goes on when the file is named again`, async () => {
      const args = ["import", file, "--slug", `morta-${i}`, "--domain", `morta-${i}.com.br`, "--json"];
      const CRASH_FILE = join(platform.config.DATA_DIR, "crash");
      writeFileSync(CRASH_FILE, `${point} SIGKILL`);
      const killed = await runTenant(platform, args, { CRASH_FILE });
      expect(killed, killed.stderr).to.deep.include({ signal: "SIGKILL", stdout: "" });
      const left = await companyOf(`morta-${i}`);
      expect(left?.desired_state).to.equal(point === "import.row.after" ? "active" : "suspended");

      const again = await runTenant(platform, args);
      expect(again, again.stderr).to.deep.include({ status: 0 });
      const { tenant, setupUrl } = JSON.parse(again.stdout);
      expect(tenant).to.deep.include({ id: left?.id, slug: `morta-${i}`, status: "active" });
      expect(setupUrl).to.include(`https://chat.morta-${i}.localhost`);
      expect((await sumsOf(await take(tenant.id))).tables).to.deep.equal((await sumsOf(file)).tables);
      const acts = await platform.query(
        "SELECT 1 FROM audit_log WHERE action = 'tenant.imported' AND company_id = $1",
        [tenant.id],
      );
      expect(acts).to.have.length(1);
    }).timeout(120_000);
  }

  it("with --dry-run says what it would do, and does nothing", async () => {
    const args = ["import", file, "--slug", "seca", "--domain", "seca.com.br", "--dry-run", "--json"];
    const { status, stdout, stderr } = await runTenant(platform, args);
    expect({ status, stderr }).to.deep.equal({ status: 0, stderr: "" });
    const plan = JSON.parse(stdout);
    expect(plan).to.deep.include({ migrations: [], continues: null });
    expect(plan.request).to.deep.include({ slug: "seca", name: "Padaria Ação", plan: "basic" });
    expect(await companyOf("seca")).to.equal(undefined);
  }).timeout(120_000);
});
