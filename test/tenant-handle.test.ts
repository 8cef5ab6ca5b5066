/** What a company's handle does on one connection: round trips, endings, and the state it leaves to the next company. */
import { expect } from "chai";
import { isServiceDown } from "../core/errors.ts";
import { runtimeRole } from "../core/migrations/tenant-schema.ts";
import { openTenantPool, type TenantHandle, type TenantPool } from "../core/tenant-db/tenant-pool.ts";
import { runBelow, runBelowIn } from "./support/below-the-list.ts";
import { openProxy, type Proxy } from "./support/frozen-proxy.ts";
import { usePlatform } from "./support/platform.ts";
import { openCompany, type Company } from "./support/runtime-client.ts";

const appName = "handle test";
const notAllowed = "statement-not-allowed";
const syntaxError = "42601";
type Failure = Error & { code?: string };
const failureOf = (work: PromiseLike<unknown>): Promise<Failure> =>
  Promise.resolve(work).then(
    () => expect.fail("it did not fail"),
    (error: Failure) => error,
  );

describe("a company's database handle", () => {
  const platform = usePlatform({ workers: true });
  let a: Company;
  let b: Company;
  let proxy: Proxy;
  let pool: TenantPool;
  let ofA: TenantHandle;
  let ofB: TenantHandle;
  const sent: string[] = [];

  before(async () => {
    [a, b] = await Promise.all([openCompany(platform), openCompany(platform)]);
    for (const { id, slug } of [a, b])
      await platform.query(`INSERT INTO tenant_${id}.customers (name, metadata) VALUES ('Ana', $1), ('Bia', $1)`, [
        { of: slug },
      ]);
    // What the product shuts for them: the tests look at what the session keeps.
    const lookers = [a, b].map(({ id }) => `tenant_${id}`).join(", ");
    await platform.query(`GRANT EXECUTE ON FUNCTION pg_prepared_statement() TO ${lookers}, ${runtimeRole}`);
    const direct = new URL(platform.databaseUrl);
    const target = { host: direct.hostname, port: Number(direct.port) };
    proxy = await openProxy(target, (piece) => void sent.push(piece.toString("latin1")));
    const url = Object.assign(new URL(platform.databaseUrl), { hostname: "127.0.0.1", port: String(proxy.port) });
    // One connection: whatever one company leaves behind, the other one finds.
    const options = { name: appName, max: 1, statementTimeoutMs: 1_000 };
    pool = openTenantPool(url.toString(), platform.ctx.secrets, options);
    ofA = pool.forTenant(a);
    ofB = pool.forTenant(b);
  });
  after(async () => {
    await pool?.close();
    await proxy?.close();
  });

  const marksOf = async ({ db }: Pick<TenantHandle, "db">): Promise<string[]> =>
    (await db("customers").distinct(db.raw("metadata->>'of' AS mark"))).map(({ mark }) => mark as string);

  const pidOf = async ({ db }: TenantHandle): Promise<number> =>
    (await db.raw("SELECT pg_backend_pid() AS pid")).rows[0].pid;

  /** What the connection is like between two companies: a COMMIT below the list ends the scope, and shows what is below. */
  const lookBelow = (): Promise<Record<string, unknown>> =>
    ofB.transaction(async (db) => {
      await runBelowIn(db, "COMMIT");
      const { rows } = await db.raw(
        `SELECT pg_backend_pid() AS pid, current_setting('role') AS role, current_setting('search_path') AS path,
                current_setting('app.current_tenant', true) AS tenant, current_setting('TimeZone') AS zone,
                current_setting('statement_timeout') AS timeout,
                (SELECT count(*)::int FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()) AS locks,
                (SELECT count(*)::int FROM pg_prepared_statements WHERE name !~ '^(secretaria_scope|kept)_') AS prepared,
                (SELECT count(*)::int FROM pg_cursors WHERE is_holdable) AS cursors,
                (SELECT count(*)::int FROM pg_listening_channels()) AS channels`,
      );
      return rows[0];
    });

  const terminate = () =>
    platform.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1", [appName]);

  it("takes one round trip for a statement, and one for each step of a transaction", async () => {
    await ofA.db("customers").first("id");
    sent.length = 0;
    expect(await ofA.db("customers").where({ name: "Ana" }).first("name")).to.deep.equal({ name: "Ana" });
    const [added] = await ofA
      .db("customers")
      .insert({ name: "Caio", metadata: { of: a.slug } })
      .returning("name");
    expect(added).to.deep.equal({ name: "Caio" });
    expect(await ofA.db("customers").where({ name: "Caio" }).update({ notes: "?" })).to.equal(1);
    expect(await ofA.db("customers").where({ notes: "?" }).pluck("name")).to.deep.equal(["Caio"]);
    expect(await ofA.db("customers").where({ name: "Caio" }).delete()).to.equal(1);
    expect((await ofA.db.raw("SELECT ?::int + 1 AS n", [1])).rows).to.deep.equal([{ n: 2 }]);
    expect(sent).to.have.length(6);
    // Bind and Execute of the scope, the statement, one Sync.
    for (const piece of sent) {
      expect(piece).to.match(/^B.{4}\0secretaria_scope_5\0.*E.{9}P/s);
      expect(piece.split("S\0\0\0\u0004")).to.have.length(2);
      expect(piece).not.to.match(/BEGIN|COMMIT/);
    }

    sent.length = 0;
    await ofA.transaction(async (db) => {
      await db("customers").first("id");
      await db("customers").first("name");
    });
    const [opening, ...rest] = sent;
    expect(opening).to.match(/^Q.*BEGIN;.*P.*select/s);
    expect(rest.map((piece) => /select|COMMIT.*/.exec(piece)?.[0])).to.deep.equal(["select", "COMMIT\0"]);

    const couldLeaveTraces = "SELECT pg_advisory_xact_lock(1)";
    sent.length = 0;
    await ofA.db.raw(couldLeaveTraces);
    expect(sent).to.have.length(1);
    expect(sent[0], "and is cleaned after").to.match(/^Q.*BEGIN;.*P.*COMMIT;.*RESET ALL/s);
    sent.length = 0;
    await ofA.transaction(async (db) => void (await db.raw(couldLeaveTraces)));
    expect(sent).to.have.length(2);
    expect(sent[1], "and is cleaned after, in a transaction").to.match(/COMMIT;.*RESET ALL/);
    sent.length = 0;
    await ofA.transaction(async () => undefined);
    expect(sent, "nothing to do, nothing sent").to.deep.equal([]);
  });

  it("gives the statement's own error, undoes the statement and keeps the connection", async () => {
    const before = await lookBelow();
    expect((await failureOf(ofA.db.raw("SELECT 1 / 0"))).code).to.equal("22012");
    expect((await failureOf(ofA.db("nowhere").first())).code).to.equal("42P01");
    expect((await failureOf(ofA.db.raw("SELECT FROM WHERE"))).code).to.equal(syntaxError);
    const half = ofA.db.raw(
      "INSERT INTO customers (name) SELECT CASE n WHEN 2 THEN NULL ELSE 'x' END FROM generate_series(1, 2) n",
    );
    expect((await failureOf(half)).code).to.equal("23502");
    expect(await ofA.db("customers").pluck("name")).to.have.members(["Ana", "Bia"]);
    expect((await failureOf(ofA.db.raw("SELECT pg_sleep(5)"))).code).to.equal("57014");
    expect(await lookBelow()).to.deep.equal(before);
  });

  it("runs nothing of a statement whose scope could not be set, and goes on", async () => {
    await platform.query(`CREATE TABLE tenant_${a.id}.open (id int)`);
    await platform.query(`GRANT INSERT ON tenant_${a.id}.open TO secretaria_runtime`);
    await platform.query(`GRANT USAGE ON SCHEMA tenant_${a.id} TO secretaria_runtime`);
    const insert = `INSERT INTO tenant_${a.id}.open VALUES (1)`;
    const nobody = pool.forTenant({ id: 999_999_999, uuid: a.uuid });
    const pid = await pidOf(ofA);
    for (const sql of [insert, "SELECT 1"]) expect((await failureOf(nobody.db.raw(sql))).code, sql).to.equal("22023");
    expect((await failureOf(nobody.transaction((db) => db.raw(insert)))).code).to.equal("22023");
    expect(await platform.query(`SELECT id FROM tenant_${a.id}.open`)).to.deep.equal([]);
    expect(await marksOf(ofB)).to.deep.equal([b.slug]);
    expect(await pidOf(ofB)).to.equal(pid);
    await platform.query(`DROP TABLE tenant_${a.id}.open`);
    await platform.query(`REVOKE USAGE ON SCHEMA tenant_${a.id} FROM secretaria_runtime`);
  });

  it("sets the scope otherwise where set_config is not allowed, at the next statement", async () => {
    const setConfig = "EXECUTE ON FUNCTION pg_catalog.set_config(text, text, boolean)";
    const pid = await pidOf(ofA);
    await platform.query(`REVOKE ${setConfig} FROM PUBLIC, secretaria_runtime`);
    try {
      expect(await marksOf(ofA)).to.deep.equal([a.slug]);
      sent.length = 0;
      expect(await marksOf(ofB)).to.deep.equal([b.slug]);
      expect(sent).to.have.length(1);
      expect(sent[0]).to.match(/^Q.*BEGIN;SET LOCAL role .*P.*COMMIT/s);
      expect(await pidOf(ofA)).to.equal(pid);
      expect((await failureOf(ofA.db("nowhere").first())).code).to.equal("42P01");
    } finally {
      await platform.query(`GRANT ${setConfig} TO secretaria_runtime`);
    }
    expect((await failureOf(runBelow(ofA, "COMMIT"))).message, "a new connection").to.include("ended the transaction");
    expect(await marksOf(ofA)).to.deep.equal([a.slug]);
    sent.length = 0;
    expect(await marksOf(ofB)).to.deep.equal([b.slug]);
    expect(sent[0]).to.include("secretaria_scope_");
  });

  it("prepares its scopes again behind a statement that took them away", async () => {
    const scopes = "SELECT name FROM pg_prepared_statements";
    for (const run of [
      () => runBelow(ofA, "DEALLOCATE ALL"),
      () => ofB.transaction((db) => runBelowIn(db, "DISCARD PLANS")),
    ]) {
      const pid = await pidOf(ofA);
      await run();
      expect((await ofA.db.raw(scopes)).rows).to.deep.equal([{ name: "secretaria_scope_5" }]);
      expect((await ofB.db.raw(scopes)).rows).to.deep.equal([{ name: "secretaria_scope_5" }]);
      expect(await pidOf(ofA)).to.equal(pid);
    }
  });

  it("tells of what the COMMIT refused", async () => {
    await platform.query(`CREATE TABLE tenant_${a.id}.late (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)`);
    await platform.query(`GRANT ALL ON tenant_${a.id}.late TO tenant_${a.id}`);
    const twice = [{ id: 1 }, { id: 1 }];
    expect((await failureOf(ofA.db("late").insert(twice))).code).to.equal("23505");
    expect((await failureOf(ofA.transaction((db) => db("late").insert(twice)))).code).to.equal("23505");
    expect(await ofA.db("late").select()).to.deep.equal([]);
    expect(await marksOf(ofB)).to.deep.equal([b.slug]);
  });

  it("refuses a second statement in one text, with and without values", async () => {
    for (const sql of ["SELECT 1; SELECT 2", "SELECT 1; COMMIT; SET ROLE NONE"]) {
      expect((await failureOf(ofA.db.raw(sql))).code, sql).to.equal(syntaxError);
      expect((await failureOf(ofA.transaction((db) => db.raw(sql)))).code, sql).to.equal(syntaxError);
    }
    // The list looks at the first words; the protocol does not depend on them.
    for (const sql of ["ROLLBACK; SELECT 1", "COMMIT; SET ROLE NONE", "SET ROLE NONE; SELECT 1"]) {
      expect((await failureOf(ofA.db.raw(sql))).code, sql).to.equal(notAllowed);
      expect((await failureOf(runBelow(ofA, sql))).code, sql).to.equal(syntaxError);
      const inTransaction = ofA.transaction((db) => runBelowIn(db, sql));
      expect((await failureOf(inTransaction)).code, sql).to.equal(syntaxError);
    }
    expect((await failureOf(ofA.db.raw("SELECT ?::int; SELECT 2", [1]))).code).to.equal(syntaxError);
    const simple = ofA.db("customers").whereRaw("true; SELECT 2").options({ queryMode: "simple" });
    expect((await failureOf(simple)).code).to.equal(syntaxError);
  });

  it("stays with its company when a nested transaction rolls back", async () => {
    await ofA.transaction(async (db) => {
      const inner = db.transaction(async (nested) => {
        await nested("customers").update({ notes: "nunca" });
        await runBelowIn(nested, "RESET ROLE");
        await runBelowIn(nested, `SET LOCAL search_path TO tenant_${b.id}`);
        throw new Error("changed its mind");
      });
      expect((await failureOf(inner)).message).to.equal("changed its mind");
      expect(await marksOf({ db })).to.deep.equal([a.slug]);
      const { rows } = await db.raw("SELECT current_user AS user, current_setting('app.current_tenant') AS tenant");
      expect(rows[0]).to.deep.equal({ user: `tenant_${a.id}`, tenant: a.uuid });
      const failing = db.transaction((nested) => nested.raw("SELECT 1 / 0"));
      expect((await failureOf(failing)).code).to.equal("22012");
      expect(await marksOf({ db })).to.deep.equal([a.slug]);
    });
    expect(await ofA.db("customers").whereNotNull("notes")).to.deep.equal([]);
  });

  it("has Knex's transactions with their modes, and ends one that its program forgot", async () => {
    const readOnly = ofA.db.transaction((db) => db("customers").update({ notes: "nunca" }), { readOnly: true });
    expect((await failureOf(readOnly)).code).to.equal("25006");
    const level = (db: TenantHandle["db"]) => db.raw("SHOW transaction_isolation");
    const { rows } = await ofA.db.transaction(level, { isolationLevel: "serializable" });
    expect(rows).to.deep.equal([{ transaction_isolation: "serializable" }]);
    const open = await ofA.db.transaction();
    await open("customers").update({ notes: "nunca" });
    await open.rollback();
    const forgotten = ofA.transaction(async (db) => {
      await db("customers").update({ notes: "nunca" });
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      await db("customers").first("id");
    });
    expect(isServiceDown(await failureOf(forgotten))).to.equal(true);
    expect(await ofA.db("customers").whereNotNull("notes")).to.deep.equal([]);
  });

  /** They change the session, and are not on the list. */
  const sessionChanges = () => [
    `SET ROLE tenant_${a.id}`,
    "RESET ROLE",
    `SET search_path TO tenant_${a.id}`,
    `SET app.current_tenant TO '${a.uuid}'`,
    "SET TimeZone TO 'Asia/Tokyo'",
    "SET statement_timeout TO '1h'",
    "LISTEN somewhere",
    "PREPARE secret AS SELECT 1",
    "DECLARE kept CURSOR WITH HOLD FOR SELECT * FROM customers",
  ];
  const transactionEndings = ["COMMIT", "ROLLBACK", "END", "ABORT"];

  it("sends nothing of a statement that is not on its list, and goes on", async () => {
    const refused = [...sessionChanges(), ...transactionEndings, "BEGIN", "COPY customers TO STDOUT"];
    await ofA.transaction(async (db) => {
      await db("customers").first("id");
      sent.length = 0;
      for (const sql of refused) {
        expect((await failureOf(ofA.db.raw(sql).transacting(db))).code, sql).to.equal(notAllowed);
        expect((await failureOf(db.raw(sql))).code, sql).to.equal(notAllowed);
      }
      expect(sent).to.deep.equal([]);
      expect(await marksOf({ db }), "the transaction is as it was").to.deep.equal([a.slug]);
    });
    sent.length = 0;
    for (const sql of refused) {
      expect((await failureOf(ofA.db.raw(sql))).code, sql).to.equal(notAllowed);
      expect((await failureOf(ofA.transaction((db) => db.raw(sql)))).code, sql).to.equal(notAllowed);
    }
    expect(sent, "not even a BEGIN").to.deep.equal([]);
    expect(await marksOf(ofA)).to.deep.equal([a.slug]);
  });

  it("leaves nothing on the session, whatever a statement set there", async () => {
    // As on a server where the platform's owner may not take it from everybody.
    await platform.query("GRANT EXECUTE ON FUNCTION set_config(text, text, boolean) TO PUBLIC");
    const before = await lookBelow();
    expect(before).to.include({ role: "none", tenant: "", locks: 0, prepared: 0, cursors: 0, channels: 0 });
    for (const sql of sessionChanges()) {
      await runBelow(ofA, sql);
      expect(await lookBelow(), sql).to.deep.equal(before);
      await ofA.transaction((db) => runBelowIn(db, sql));
      expect(await lookBelow(), `${sql}, in a transaction`).to.deep.equal(before);
    }
    const onTheList = ["SELECT pg_advisory_lock(1)", "SELECT set_config('TimeZone', 'Asia/Tokyo', false)"];
    for (const sql of onTheList) {
      await ofA.db.raw(sql);
      expect(await lookBelow(), sql).to.deep.equal(before);
      await ofA.transaction((db) => db.raw(sql));
      expect(await lookBelow(), `${sql}, in a transaction`).to.deep.equal(before);
    }
    await ofA.db("customers").options({ name: "kept" }).first();
    expect(await lookBelow()).to.deep.equal(before);
  });

  it("throws a connection away that a statement took out of its transaction", async () => {
    for (const sql of transactionEndings) {
      const pid = await pidOf(ofA);
      expect((await failureOf(ofA.db.raw(sql))).code, sql).to.equal(notAllowed);
      expect(await pidOf(ofA), `${sql} was not sent`).to.equal(pid);
      expect((await failureOf(runBelow(ofA, sql))).message, sql).to.include("ended the transaction");
      expect(await pidOf(ofA), sql).not.to.equal(pid);
    }
  });

  it("comes back from a killed backend, in a statement and in a transaction", async () => {
    const asleep = failureOf(ofA.db.raw("SELECT pg_sleep(0.9)"));
    await new Promise((resolve) => setTimeout(resolve, 200));
    await terminate();
    expect(isServiceDown(await asleep)).to.equal(true);
    expect(await marksOf(ofB)).to.deep.equal([b.slug]);

    const cut = ofA.transaction(async (db) => {
      await db("customers").update({ notes: "nunca" });
      await terminate();
      await db("customers").first("id");
    });
    expect(isServiceDown(await failureOf(cut))).to.equal(true);
    expect(await ofA.db("customers").whereNotNull("notes")).to.deep.equal([]);
  });

  it("gives a connection up that has gone silent", async () => {
    await pidOf(ofA);
    expect(proxy.freeze(appName)).to.equal(1);
    const failure = await failureOf(ofA.db("customers").first("id"));
    expect(failure.message).to.include("no answer within");
    expect(isServiceDown(failure)).to.equal(true);
    expect(await marksOf(ofA)).to.deep.equal([a.slug]);
  });

  it("does not hand on a statement that was given up", async () => {
    const pid = await pidOf(ofA);
    const late = ofA.db.raw("SELECT pg_sleep(0.5)").timeout(50);
    expect((await failureOf(late)).name).to.equal("KnexTimeoutError");
    expect(await pidOf(ofB)).not.to.equal(pid);
    expect(() => ofA.db("customers").timeout(50, { cancel: true })).to.throw("not supported");
  });

  it("refuses copies and streams instead of waiting for ever", async () => {
    const copy = "COPY customers (name) FROM STDIN";
    const pid = await pidOf(ofA);
    expect((await failureOf(ofA.db.raw(copy))).code).to.equal(notAllowed);
    expect((await failureOf(ofA.transaction((db) => db.raw(copy)))).code).to.equal(notAllowed);
    expect(await pidOf(ofA), "nothing was sent").to.equal(pid);
    expect((await failureOf(runBelow(ofA, copy))).message).to.match(/copy from stdin/i);
    const second = await pidOf(ofA);
    expect(second, "alone, below the list").not.to.equal(pid);
    const cut = ofA.transaction(async (db) => {
      expect((await failureOf(runBelowIn(db, copy))).message).to.include("COPY FROM STDIN is not possible");
    });
    expect(isServiceDown(await failureOf(cut))).to.equal(true);
    expect(await pidOf(ofA), "in a transaction, below the list").not.to.equal(second);
    const stream = ofA.db("customers").select().stream();
    const failure = await new Promise<Error>((resolve) => stream.once("error", resolve));
    expect(failure.message).to.include("tenant.transaction");
    expect(await marksOf(ofA)).to.deep.equal([a.slug]);
  });

  it("cannot close or reconfigure what all companies share", async () => {
    expect(() => ofA.db.destroy()).to.throw("not part of a tenant's handle");
    expect(() => ofA.db.withUserParams({})).to.throw("not part of a tenant's handle");
    expect(() => ofA.db.on("query", () => undefined)).to.throw("not part of a tenant's handle");
    const [other, own] = await Promise.all([marksOf(ofB), marksOf(ofA)]);
    expect([own, other]).to.deep.equal([[a.slug], [b.slug]]);
  });
});
