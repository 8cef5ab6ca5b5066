/** A company's data as a file: taken, read back, and what a damaged one says. */
import { copyFile, readFile, readdir, stat, truncate, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { spawn } from "node:child_process";
import { expect } from "chai";
import { ArchiveError } from "../control-plane/archive/file/archive-error.ts";
import { exportTenant } from "../control-plane/archive/export/export-tenant.ts";
import { loadTables } from "../control-plane/archive/import/load-tables.ts";
import { withTenantTransaction } from "../control-plane/archive/tables/tenant-transaction.ts";
import { verifyArchive } from "../control-plane/archive/file/verify-archive.ts";
import { openZip } from "../control-plane/archive/file/zip-reader.ts";
import { readMigrations } from "../core/migrations/sql-files.ts";
import { projectPath } from "../core/paths.ts";
import { readEntries, runTenant, writeEntries } from "./support/archives.ts";
import { usePlatform } from "./support/platform.ts";
import { openCompany, type Company } from "./support/runtime-client.ts";
import { until } from "./support/wait.ts";

describe("the export of a company", () => {
  const platform = usePlatform({ workers: true });
  let company: Company;
  let file: string;

  before(async () => {
    company = await openCompany(platform, { plan: "basic" });
    await platform.query(fillSql(company.id));
    file = (await take(company.id)).path;
  });

  const take = (companyId: number) => exportTenant(platform.ctx, { companyId, purpose: "export", actor: "user:1" });
  const beside = (name: string) => join(dirname(file), name);
  const damageOf = async (path: string): Promise<string> => {
    const error = await verifyArchive(path).catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(ArchiveError);
    expect((error as ArchiveError).code).to.equal("archive-damaged");
    return (error as ArchiveError).message;
  };

  it("is a ZIP of one CSV text for each table and a manifest behind them", async () => {
    const entries = await readEntries(file);
    const { manifest } = await verifyArchive(file);
    const names = manifest.tables.map(({ name }) => `tables/${name}.csv`);
    expect([...entries.keys()]).to.deep.equal([...names, "manifest.json"]);
    expect(names).to.include("tables/inbound_messages.csv").and.not.include("tables/inbound_messages_default.csv");
    expect(names.filter((name) => name.includes("knex"))).to.deep.equal([]);
    expect(manifest.migrations).to.deep.equal(readMigrations("tenant").map(({ name }) => name));
    expect(manifest.company).to.deep.include({ id: company.id, uuid: company.uuid, slug: company.slug, plan: "basic" });
    expect(manifest.sequences.find(({ name }) => name === "orders_number_seq")).to.deep.include({ lastValue: "1" });

    const rowsOf = (name: string) => manifest.tables.find((table) => table.name === name)?.rows;
    expect([rowsOf("customers"), rowsOf("inbound_messages"), rowsOf("stores")]).to.deep.equal([3, 4, 0]);
    const orders = manifest.tables.find(({ name }) => name === "orders");
    expect(orders?.columns).to.include("subtotal_cents").and.not.include("total_cents");
    const customers = entries.get("tables/customers.csv")?.toString() as string;
    expect(customers.split("\n")[0]).to.equal("id,name,phone,email,document,notes,metadata,created_at,updated_at");
    expect(customers).to.include('"Zé ""Aspas"", Filho\nlinha 2 🎈",,,,"",');
    expect(customers).to.include("0001-01-01 00:00:00+00 BC");
  });

  it("is the owner's alone on the disk, and is written down with its hash", async () => {
    expect((await stat(file)).mode & 0o777).to.equal(0o600);
    expect((await stat(dirname(file))).mode & 0o777).to.equal(0o700);
    expect(basename(file)).to.match(new RegExp(`^${company.slug}-${company.id}-\\d{8}T\\d{9}Z\\.zip$`));
    const [row] = await platform.query("SELECT * FROM tenant_archives WHERE path = $1", [file]);
    const { bytes, sha256 } = await verifyArchive(file, { sha256: row?.["sha256"] as string });
    expect(row).to.deep.include({
      purpose: "export",
      sha256,
      bytes: String(bytes),
      expires_at: null,
      removed_at: null,
    });
    expect(row?.["verified_at"]).to.be.instanceOf(Date);
    expect(row?.["manifest"]).to.include.keys("tables", "company").and.not.include.keys("owner");
    const [act] = await platform.query("SELECT actor, data FROM audit_log WHERE action = 'tenant.exported'");
    expect(act).to.deep.include({ actor: "user:1" });
    expect(act?.["data"]).to.deep.include({ sha256, bytes, purpose: "export" });
  });

  it("is the same text again while nothing changes", async () => {
    // The mail to the owner renews the link's time.
    const mail = () =>
      platform.query("SELECT 1 FROM outbox WHERE company_id = $1 AND done_at IS NOT NULL", [company.id]);
    await until(mail, (rows) => rows.length === 1, { what: "the mail" });
    const [first, second] = await Promise.all(
      [await take(company.id), await take(company.id)].map(({ path }) => verifyArchive(path)),
    );
    if (first === undefined || second === undefined) throw new Error("two were taken");
    expect(second.manifest.tables).to.deep.equal(first.manifest.tables);
    expect(second.manifest.fingerprint).to.equal(first.manifest.fingerprint);
  });

  it("is of one moment while rows are written", async () => {
    const busy = await openCompany(platform);
    const writer = spawn(process.execPath, ["-e", writerProgram, platform.databaseUrl, `tenant_${busy.id}`], {
      cwd: projectPath(),
      stdio: "inherit",
    });
    const count = async () => {
      const [row] = await platform.query<{ n: number }>(`SELECT count(*)::int AS n FROM tenant_${busy.id}.customers`);
      return row?.n as number;
    };
    try {
      await until(count, (n) => n > 0, { what: "a first row" });
      const { path } = await exportTenant(platform.ctx, {
        companyId: busy.id,
        purpose: "export",
        actor: "system",
        // Stands still between the two tables that are written to together.
        onProgress: ({ step, table }) => {
          if (step === "export" && table === "customer_addresses")
            Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 400);
        },
      });
      const { manifest } = await verifyArchive(path);
      const rows = new Map(manifest.tables.map((table) => [table.name, table.rows]));
      expect(rows.get("customers")).to.be.greaterThan(0);
      expect(rows.get("customers")).to.equal(rows.get("customer_addresses"));
      expect(await count(), "rows written meanwhile").to.be.greaterThan(rows.get("customers") as number);
    } finally {
      writer.kill("SIGKILL");
    }
  });

  it("holds any type and any ring of tables, and gives back the same rows", async () => {
    const [source, target] = await Promise.all([openCompany(platform), openCompany(platform)]);
    for (const { id } of [source, target]) await platform.query(oddTablesSql(id));
    await platform.query(oddRowsSql(source.id));
    const { path } = await take(source.id);
    const { manifest } = await verifyArchive(path);
    const zip = await openZip(path);
    await withTenantTransaction(platform.ctx, { companyId: target.id, kind: "load" }, (transaction) =>
      loadTables(transaction, { schema: `tenant_${target.id}`, zip, manifest }),
    );
    zip.close();
    for (const table of ["odd values", "ring_a", "ring_b"]) {
      const sql = (id: number) => `SELECT t::text AS row FROM tenant_${id}."${table}" t ORDER BY 1`;
      const [before, after] = [await platform.query(sql(source.id)), await platform.query(sql(target.id))];
      expect(before, table).to.have.length.greaterThan(0);
      expect(after, table).to.deep.equal(before);
    }
    const keys = await platform.query(
      `SELECT DISTINCT condeferrable FROM pg_constraint WHERE contype = 'f' AND connamespace = 'tenant_${target.id}'::regnamespace`,
    );
    expect(keys, "keys are what they were").to.deep.equal([{ condeferrable: false }]);
  });

  it("is loaded whole or not at all", async () => {
    const target = await openCompany(platform);
    const schema = `tenant_${target.id}`;
    await platform.query(`INSERT INTO ${schema}.customers (name) VALUES ('Fica')`);
    const entries = await readEntries(file);
    const { manifest } = await verifyArchive(file);
    const load = async (change: (customers: string) => string) => {
      const changed = change(entries.get("tables/customers.csv")?.toString() as string);
      const path = beside("swapped.zip");
      await writeEntries(path, new Map(entries).set("tables/customers.csv", Buffer.from(changed)));
      const zip = await openZip(path);
      const failed = await withTenantTransaction(platform.ctx, { companyId: target.id, kind: "load" }, (transaction) =>
        loadTables(transaction, { schema, zip, manifest }),
      ).catch((error: unknown) => error);
      zip.close();
      expect(await platform.query(`SELECT name FROM ${schema}.customers`)).to.deep.equal([{ name: "Fica" }]);
      return failed as Error & { code: string };
    };
    expect((await load((text) => text.replace("linha 2", "linha 3"))).code).to.equal("archive-damaged");
    expect((await load((text) => text.replace("id,name,phone", "id,phone,name"))).code, "columns").to.equal("22P04");
    expect((await load((text) => text.slice(0, -30))).code, "half a row").to.match(/^2[23]/);
    // The same text loads, and reads back as another one.
    await platform.query(
      `CREATE FUNCTION ${schema}.tamper() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.notes := 'x'; RETURN NEW; END $$;
       CREATE TRIGGER tamper BEFORE INSERT ON ${schema}.customers FOR EACH ROW EXECUTE FUNCTION ${schema}.tamper()`,
    );
    const other = await load((text) => text);
    expect(other.code).to.equal("archive-not-importable");
    expect(other.message).to.include("reads back otherwise").and.include("customers");
  });

  it("that was cut short is refused, wherever it was cut", async () => {
    const { size } = await stat(file);
    for (const length of [0, 10, Math.floor(size / 2), size - 1]) {
      const cut = beside("cut");
      await copyFile(file, cut);
      await truncate(cut, length);
      expect(await damageOf(cut)).to.include("not a whole ZIP file");
    }
  });

  it("with a changed byte is refused by its hash, and without it where that matters", async () => {
    const bytes = await readFile(file);
    const { manifest, sha256 } = await verifyArchive(file);
    let seen = 0;
    for (let at = 0; at < bytes.length; at += Math.ceil(bytes.length / 60)) {
      const changed = Buffer.from(bytes);
      changed.writeUInt8(changed.readUInt8(at) ^ 0x20, at);
      await writeFile(beside("changed"), changed);
      const hashed = await verifyArchive(beside("changed"), { sha256 }).catch((error: ArchiveError) => error.code);
      expect(hashed, `byte ${at}`).to.equal("archive-damaged");
      const read = await verifyArchive(beside("changed")).catch((error: ArchiveError) => error.code);
      // Times and modes of entries say nothing about the data.
      if (read === "archive-damaged") seen += 1;
      else expect((read as { manifest: unknown }).manifest, `byte ${at}`).to.deep.equal(manifest);
    }
    expect(seen).to.be.greaterThan(30);
  });

  it("that was repacked says which table is not what its manifest says", async () => {
    const entries = await readEntries(file);
    const edited = async (change: (copy: Map<string, Buffer>) => void) => {
      const copy = new Map(entries);
      change(copy);
      await writeEntries(beside("edited.zip"), copy);
      return damageOf(beside("edited.zip"));
    };
    const customers = entries.get("tables/customers.csv")?.toString() as string;
    const put = (name: string, text: string) => (copy: Map<string, Buffer>) => void copy.set(name, Buffer.from(text));
    expect(await edited(put("tables/customers.csv", customers.replace("linha 2", "linha 3")))).to.match(
      /^tables\/customers\.csv is not what was written: sha256 /,
    );
    expect(await edited(put("tables/customers.csv", `${customers}x\n`))).to.include("rows 4 instead of 3");
    expect(await edited(put("tables/customers.csv", customers.slice(0, -1)))).to.include("ends inside a record");
    expect(await edited(put("tables/more.csv", "id\n"))).to.equal("not named by the manifest: tables/more.csv");
    expect(await edited((copy) => copy.delete("tables/stores.csv")))
      .to.include("missing")
      .and.include("stores");
    expect(await edited((copy) => copy.delete("manifest.json"))).to.equal("manifest.json is missing");
    const manifest = JSON.parse(entries.get("manifest.json")?.toString() as string);
    expect(await edited(put("manifest.json", JSON.stringify({ ...manifest, tables: [{ name: "x" }] })))).to.include(
      "tables.0.rows",
    );
    const other = new Map(entries).set("manifest.json", Buffer.from('{"format":"secretaria-tenant/9"}'));
    await writeEntries(beside("edited.zip"), other);
    const error = await verifyArchive(beside("edited.zip")).catch((reason: unknown) => reason);
    expect(error).to.deep.include({ code: "archive-unreadable" });
    expect((error as Error).message).to.include("'secretaria-tenant/9'");
  });

  it("leaves no file behind when it fails", async () => {
    const before = await readdir(dirname(file));
    await platform.query(`COMMENT ON SCHEMA tenant_${company.id} IS 'somebody else'`);
    const refused = await take(company.id).catch((reason: unknown) => reason);
    await platform.query(`COMMENT ON SCHEMA tenant_${company.id} IS 'secretaria tenant ${company.uuid}'`);
    expect(refused).to.deep.include({ code: "export-refused" });
    // In the middle of a COPY: the connection must not be waited for.
    const broken = await exportTenant(platform.ctx, {
      companyId: company.id,
      purpose: "export",
      actor: "system",
      onProgress: ({ table }) => {
        if (table === "customers") throw new Error("nobody listens any more");
      },
    }).catch((reason: unknown) => reason);
    expect((broken as Error).message).to.equal("nobody listens any more");
    expect(await readdir(dirname(file))).to.deep.equal(before);
    const open = await platform.query("SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'archive %'");
    expect(open).to.deep.equal([]);
  });

  it("is taken and verified by npm run tenant", async () => {
    const out = beside("by-hand.zip");
    const made = await runTenant(platform, ["export", company.slug, "--out", out, "--json"]);
    expect(made, made.stderr).to.deep.include({ status: 0, stderr: "" });
    const { sha256, rows, path } = JSON.parse(made.stdout);
    expect(path).to.equal(out);
    expect(rows).to.be.greaterThan(8);
    const verified = await runTenant(platform, ["verify", out, "--sha256", sha256]);
    expect(verified.stdout).to.include(`sha256 ${sha256}: whole`);
    expect((await runTenant(platform, ["export", company.slug, "--out", out])).stderr).to.include("is there already");
    await truncate(out, 1000);
    const damaged = await runTenant(platform, ["verify", out]);
    expect(damaged).to.deep.include({ status: 4, stdout: "" });
    expect(damaged.stderr).to.include("not a whole ZIP file");
    const [act] = await platform.query("SELECT actor FROM audit_log WHERE action = 'tenant.exported' ORDER BY id DESC");
    expect(act?.["actor"]).to.match(/^cli:/);
  }).timeout(120_000);

  it("explains the command, and refuses what it does not know", async () => {
    expect(await runTenant(platform, ["--help"])).to.deep.include({ status: 0, stderr: "" });
    for (const args of [[], ["import", "x"], ["verify", "x", "--sha256", "1"]])
      expect(await runTenant(platform, args), args.join(" ")).to.deep.include({ status: 2, stdout: "" });
    const nobody = await runTenant(platform, ["export", "nobody"]);
    expect(nobody).to.deep.include({ status: 1, stdout: "" });
    expect(nobody.stderr).to.include("there is no company 'nobody'");
  }).timeout(120_000);
});

/** NULL and the empty string, quotes, line breaks, Unicode, jsonb, numbers, times before Christ, months without a partition. */
function fillSql(id: number): string {
  return `SET search_path TO tenant_${id};
    INSERT INTO customers (name, notes, metadata, created_at) VALUES
      (E'Zé "Aspas", Filho\\nlinha 2 🎈', '', '{"a": [1, null, "x\\"y"], "b": "ação"}', '0001-01-01 00:00:00+00 BC'),
      ('\\.', NULL, '{}', '2026-03-01 12:34:56.123456+00'), ('NULL', 'null', '{}', now());
    INSERT INTO conversations (channel, contact_key) VALUES ('web', 'a');
    INSERT INTO inbound_messages (conversation_id, body, payload, created_at)
      SELECT id, E'olá\\r\\n' || at, '{"n": 1.50}', at FROM conversations,
        unnest(ARRAY[now(), now() + interval '1 month', '1999-12-31 23:59:59.999999+00', '2031-05-05']::timestamptz[]) AS at;
    INSERT INTO orders (subtotal_cents) VALUES (1999);
    INSERT INTO order_items (order_id, name, quantity, unit_price_cents) SELECT id, 'Pão', 1.500, 333 FROM orders;
    INSERT INTO geocode_cache (address_key, latitude, longitude, provider, expires_at) VALUES
      ('Ábaco', 1.5, -0.000001, 'x', 'infinity'), ('abaco', 0, 0, 'x', now()), ('Zebra', 0, 0, 'x', now());`;
}

function oddTablesSql(id: number): string {
  return `SET search_path TO tenant_${id};
    CREATE TABLE "odd values" (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, bytes bytea, list text[], grid integer[][], exact numeric,
      rough double precision, span interval, day date, clock timetz, flag boolean, net inet, bits varbit, range tstzrange,
      doc json, doubled numeric GENERATED ALWAYS AS (exact * 2) STORED, "a,""b" text);
    CREATE TABLE ring_a (id integer PRIMARY KEY, b integer NOT NULL, parent integer REFERENCES ring_a);
    CREATE TABLE ring_b (id integer PRIMARY KEY, a integer NOT NULL REFERENCES ring_a);
    ALTER TABLE ring_a ADD FOREIGN KEY (b) REFERENCES ring_b;
    CREATE TABLE keyless (word text);`;
}

const oddRowsSql = (id: number): string => `SET search_path TO tenant_${id};
    INSERT INTO "odd values" (bytes, list, grid, exact, rough, span, day, clock, flag, net, bits, range, doc, "a,""b") VALUES
      ('\\x00ff0a22', ARRAY['a', NULL, '', 'NULL', 'x,y"z', E'\\n'], '{{1,2},{3,4}}', 123456789012345678901234567890.000,
       0.1, '1 year -3 days 04:05:06.789', '-infinity', '12:00:00+02:30', true, '2001:db8::/32', B'0101', '[2026-01-01,)',
       '{"b":1,  "a":2}', ''),
      (NULL, '{}', NULL, 'NaN', '-Infinity', NULL, NULL, NULL, NULL, NULL, NULL, 'empty', NULL, NULL),
      ('', NULL, NULL, -0.00, '-0', NULL, '4713-01-01 BC', NULL, false, NULL, NULL, NULL, 'null', E'\\\\.');
    ALTER TABLE ring_a DISABLE TRIGGER ALL;
    INSERT INTO ring_a VALUES (1, 1, 2), (2, 2, NULL), (3, 1, 3);
    ALTER TABLE ring_a ENABLE TRIGGER ALL;
    INSERT INTO ring_b VALUES (1, 3), (2, 1);
    INSERT INTO keyless VALUES ('b'), (NULL), (''), ('a'), ('b');`;

/** Writes a customer and its address together, again and again, until it is ended. */
const writerProgram = `
  const { Client } = require("pg");
  const [url, schema] = process.argv.slice(1);
  (async () => {
    const db = new Client({ connectionString: url });
    await db.connect();
    await db.query("SET search_path TO " + schema);
    for (;;) await db.query(\`WITH made AS (INSERT INTO customers (name) VALUES ('x') RETURNING id)
      INSERT INTO customer_addresses (customer_id, street, city, state) SELECT id, 'Rua', 'Rio', 'RJ' FROM made\`);
  })();`;
