import { expect } from "chai";
import type { AuditPage } from "../control-plane/api/audit.ts";
import { runCli } from "./support/cli.ts";
import { usePlatform } from "./support/platform.ts";
import { respondAsync } from "./support/tenant.ts";

type Entry = AuditPage["entries"][number];

describe("the audit log", function () {
  // Each run of the command is a process that starts, several to a test.
  this.timeout(120_000);
  const platform = usePlatform();

  const run = (...args: string[]) => runCli("scripts/audit", args, { platform });

  const verify = async (...args: string[]) => {
    const result = await run("verify", "--json", ...args);
    return { status: result.status, ...result.json() };
  };

  const exported = async (...args: string[]): Promise<Entry[]> => {
    const { status, stderr, lines } = await run("export", ...args);
    expect({ status, stderr }).to.deep.equal({ status: 0, stderr: "" });
    return lines.map((line) => JSON.parse(line));
  };

  /** Changes the log behind its triggers' backs, looks, and puts everything back. */
  const tampered = async <T>(change: string, look: () => Promise<T>): Promise<T> => {
    const restore = "ALTER TABLE audit_log ENABLE TRIGGER USER; DROP TABLE audit_kept;";
    await platform.query(
      `CREATE TABLE audit_kept AS TABLE audit_log; ALTER TABLE audit_log DISABLE TRIGGER USER; ${change}`,
    );
    try {
      return await look();
    } finally {
      await platform.query(`DELETE FROM audit_log; INSERT INTO audit_log TABLE audit_kept; ${restore}`);
    }
  };

  const hashOf = async (id: number): Promise<string> => {
    const [row] = await platform.query<{ hash: string }>("SELECT hash FROM audit_log WHERE id = $1", [id]);
    return row?.hash ?? "";
  };

  const lastHash = async (): Promise<string> => {
    const [row] = await platform.query<{ hash: string }>("SELECT hash FROM audit_log ORDER BY id DESC LIMIT 1");
    return row?.hash ?? "";
  };

  it("chains actor, action and company of each act, also of concurrent writers", async () => {
    await Promise.all(Array.from({ length: 8 }, () => platform.createTenant({}, respondAsync)));
    const rows = await platform.query<{
      action: string;
      actor: string;
      company_id: string | null;
      correlation_id: string | null;
    }>("SELECT * FROM audit_log WHERE action = 'tenant.requested'");
    expect(rows).to.have.length(8);
    for (const row of rows) {
      expect(row.actor).to.match(/^user:\d+$/);
      expect(row.correlation_id).to.be.a("string");
    }
    const [{ count } = { count: 0 }] = await platform.query<{ count: number }>("SELECT count(*)::int FROM audit_log");
    expect(await verify()).to.deep.equal({
      status: 0,
      rows: count,
      lastHash: await lastHash(),
      broken: [],
      holdsExpected: null,
    });
    expect((await run("verify")).stdout)
      .to.include(`${count} rows`)
      .and.include("the chain holds");
  });

  it("can only grow", async () => {
    for (const change of ["UPDATE audit_log SET actor = 'me'", "DELETE FROM audit_log", "TRUNCATE audit_log"]) {
      const refusal = await platform.query(change).catch((error: Error) => error.message);
      expect(refusal, change).to.equal("audit_log is append-only");
    }
  });

  it("is listed in pages, newest first, each row once", async () => {
    const ids: number[] = [];
    for (let cursor = ""; ;) {
      const { status, body } = await platform.api.get(`/api/audit?limit=3&cursor=${cursor}`);
      expect(status).to.equal(200);
      expect(body.entries.length).to.be.within(1, 3);
      ids.push(...body.entries.map((entry) => entry.id));
      if (body.nextCursor === null) break;
      cursor = body.nextCursor;
    }
    const rows = await platform.query<{ id: number }>("SELECT id::int FROM audit_log ORDER BY id DESC");
    expect(ids).to.deep.equal(rows.map(({ id }) => id));
  });

  it("is narrowed by company (id, uuid or slug), by actor and by action", async () => {
    const { id, uuid, slug } = await platform.createTenant();
    const retry = await platform.api.post(`/api/tenants/${id}/retry`, undefined, { "X-Request-Id": "of-this-test" });
    expect(retry.status).to.equal(202);
    const { entries, nextCursor } = (await platform.api.get(`/api/audit?tenant=${slug}`)).body;
    expect(nextCursor).to.equal(null);
    expect(entries.map((entry) => entry.action)).to.deep.equal(["tenant.retry-requested", "tenant.requested"]);
    const newest = entries[0] as Entry;
    expect(Object.keys(newest)).to.have.members("id actor action tenantId correlationId data at hash".split(" "));
    expect(newest).to.deep.include({ tenantId: id, correlationId: "of-this-test", hash: await hashOf(newest.id) });
    expect(newest.data["operationId"]).to.equal(retry.body.operation.id);
    expect(Math.abs(Date.parse(newest.at) - Date.now())).to.be.below(60_000);
    const list = async (query: string) => (await platform.api.get(`/api/audit?${query}`)).body.entries;
    expect(await list(`tenant=${id}`)).to.deep.equal(entries);
    expect(await list(`tenant=${uuid}`)).to.deep.equal(entries);
    expect(await list(`tenant=${id}&action=tenant.requested`)).to.deep.equal(entries.slice(1));
    expect(await list(`tenant=${id}&actor=${newest.actor}&action=`)).to.deep.equal(entries);
    expect(await list(`tenant=${id}&actor=nobody`)).to.deep.equal([]);
  });

  it("is for signed-in people, and refuses what it does not know", async () => {
    const ask = async (query: string, anonymous = false) => {
      const { status, body } = await platform.api.request("GET", `/api/audit${query}`, { anonymous });
      return `${status} ${body.code}`;
    };
    expect(await ask("", true)).to.equal("401 not-authenticated");
    expect(await ask("?tenant=nobody")).to.equal("404 tenant-not-found");
    const foreign = Buffer.from("id:3").toString("base64url");
    for (const query of [`?cursor=${foreign}`, "?limit=201", "?tenants=1", "?actor=%00"])
      expect(await ask(query), query).to.equal("422 invalid-request");
  });

  it("is exported as a line for each row, oldest first, with its hash", async () => {
    const rows = await platform.query("SELECT id::int, hash FROM audit_log ORDER BY id");
    expect((await exported()).map(({ id, hash }) => ({ id, hash }))).to.deep.equal(rows);
    const { body } = await platform.api.get("/api/audit?action=tenant.retry-requested");
    const retry = body.entries[0] as Entry;
    expect((await exported("--tenant", String(retry.tenantId))).at(-1)).to.deep.equal(retry);
    const since = await exported("--since", retry.at);
    expect(since[0]?.id).to.be.within(1, retry.id);
    expect(since.length).to.be.below(rows.length);
    expect(await exported("--since", "2999-12-31")).to.deep.equal([]);
  });

  it("shows rows that were changed behind its back", async () => {
    const change = `UPDATE audit_log SET data = data || '{"slug": "other"}' WHERE id = 3;`;
    const broken = [{ id: 3, why: "row changed" }];
    await tampered(change, async () => {
      expect(await verify()).to.deep.include({ status: 4, broken });
      expect((await run("verify")).stdout)
        .to.include("row 3: row changed")
        .and.include("THE CHAIN IS BROKEN");
    });
    const withHash = `${change} UPDATE audit_log AS a SET hash = audit_row_hash(a) WHERE id = 3;`;
    const next = [{ id: 4, why: "row missing before" }];
    expect(await tampered(withHash, verify)).to.deep.include({ status: 4, broken: next });
    const withoutHash =
      "ALTER TABLE audit_log ALTER hash DROP NOT NULL; UPDATE audit_log SET hash = NULL WHERE id = 3;";
    expect(await tampered(withoutHash, verify)).to.deep.include({ status: 4, broken: [...broken, ...next] });
    expect(await verify()).to.deep.include({ status: 0, broken: [] });
  });

  it("shows rows that were taken out or put in, at its start too", async () => {
    const missing = (id: number) => ({ status: 4, broken: [{ id, why: "row missing before" }] });
    expect(await tampered("DELETE FROM audit_log WHERE id = 3;", verify)).to.deep.include(missing(4));
    expect(await tampered("DELETE FROM audit_log WHERE id = 1;", verify)).to.deep.include(missing(2));
    const before = `INSERT INTO audit_log SELECT 0, actor, action, company_id, correlation_id, data, created_at, '', ''
      FROM audit_log WHERE id = 1; UPDATE audit_log AS a SET hash = audit_row_hash(a) WHERE id = 0;`;
    const both = [0, 1].map((id) => ({ id, why: "row missing before" }));
    expect(await tampered(before, verify)).to.deep.include({ status: 4, broken: both });
  });

  it("shows that its newest rows were cut off, given the last hash", async () => {
    const kept = await lastHash();
    expect(await verify("--expect", kept.toUpperCase())).to.deep.include({ status: 0, holdsExpected: true });
    const cut = "DELETE FROM audit_log WHERE id > (SELECT max(id) - 2 FROM audit_log);";
    await tampered(cut, async () => {
      expect(await verify()).to.deep.include({ status: 0, broken: [] });
      expect(await verify("--expect", kept)).to.deep.include({ status: 4, broken: [], holdsExpected: false });
      expect((await run("verify", "--expect", kept)).stdout).to.include(`no row has the hash ${kept}`);
    });
    // The log goes on: what was last once is good for ever.
    await platform.createTenant({}, respondAsync);
    expect(await verify("--expect", kept)).to.deep.include({ status: 0, holdsExpected: true });
  });

  it("is read whole when it is longer than a page", async () => {
    await platform.query(
      `INSERT INTO audit_log (id, previous_hash, hash, actor, action)
       SELECT 0, '', '', 'system', 'test.written' FROM generate_series(1, 10000)`,
    );
    const { rows, ...healthy } = await verify();
    expect(healthy).to.deep.include({ status: 0, broken: [] });
    expect((await exported()).map(({ id }) => id)).to.deep.equal(Array.from({ length: rows }, (_, index) => index + 1));
    // The last row of a page, and the first of the next.
    for (const id of [5_000, 5_001])
      expect(await tampered(`DELETE FROM audit_log WHERE id = ${id};`, verify)).to.deep.include({
        status: 4,
        broken: [{ id: id + 1, why: "row missing before" }],
      });
  });

  it("explains the command, and refuses what it does not know", async () => {
    expect(await run("--help")).to.deep.include({ status: 0, stderr: "" });
    expect((await run("verify", "--help")).stdout).to.include("--expect HASH");
    for (const args of [
      [],
      ["explode"],
      ["verify", "--expect", "abc"],
      ["verify", "--tenant", "1"],
      ["export", "more"],
    ])
      expect(await run(...args), args.join(" ")).to.deep.include({ status: 2, stdout: "" });
    expect((await run("export", "--since", "yesterday")).stderr).to.include("must be a date");
    const unknown = await run("export", "--tenant", "nobody");
    expect(unknown).to.deep.include({ status: 1, stdout: "" });
    expect(unknown.stderr).to.include("there is no company 'nobody'");
  });
});
