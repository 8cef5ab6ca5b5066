import { spawnSync } from "node:child_process";
import { expect } from "chai";
import { projectPath } from "../core/paths.ts";
import { newCompany } from "./support/api-client.ts";
import { usePlatform } from "./support/platform.ts";

interface Entry {
  readonly id: number;
  readonly actor: string;
  readonly action: string;
  readonly tenantId: number | null;
  readonly at: string;
  readonly hash: string;
}

describe("the audit log", () => {
  const platform = usePlatform();

  const run = (...args: string[]) => {
    const { DATABASE_URL, REDIS_URL, MASTER_KEY, DATA_DIR } = platform.config;
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ["--import", "tsx", projectPath("scripts/audit.ts"), ...args],
      {
        env: { PATH: process.env["PATH"], DATABASE_URL, REDIS_URL, MASTER_KEY, DATA_DIR },
        encoding: "utf8",
        maxBuffer: 64 * 1024 * 1024,
      },
    );
    return { status, stdout, stderr };
  };

  const verify = (...args: string[]) => {
    const { status, stdout } = run("verify", "--json", ...args);
    return { status, ...JSON.parse(stdout) };
  };

  const exported = (...args: string[]): Entry[] => {
    const { status, stdout, stderr } = run("export", ...args);
    expect({ status, stderr }).to.deep.equal({ status: 0, stderr: "" });
    return stdout
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line));
  };

  /** Changes the log behind its triggers' backs, looks, and puts everything back. */
  const tampered = async <T>(change: string, look: () => T): Promise<T> => {
    const restore = "ALTER TABLE audit_log ENABLE TRIGGER USER; DROP TABLE audit_kept;";
    await platform.query(
      `CREATE TABLE audit_kept AS TABLE audit_log; ALTER TABLE audit_log DISABLE TRIGGER USER; ${change}`,
    );
    try {
      return look();
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

  it("holds who did what to which company, chained in order, also when many write at once", async () => {
    await Promise.all(
      Array.from({ length: 8 }, () =>
        platform.api.post("/api/tenants/provision", newCompany(), { Prefer: "respond-async" }),
      ),
    );
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
    expect(verify()).to.deep.equal({
      status: 0,
      rows: count,
      lastHash: await lastHash(),
      broken: [],
      holdsExpected: null,
    });
    expect(run("verify").stdout).to.include(`${count} rows`).and.include("the chain holds");
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
      ids.push(...body.entries.map((entry: Entry) => entry.id));
      if (body.nextCursor === null) break;
      cursor = body.nextCursor;
    }
    const rows = await platform.query<{ id: number }>("SELECT id::int FROM audit_log ORDER BY id DESC");
    expect(ids).to.deep.equal(rows.map(({ id }) => id));
  });

  it("is narrowed by company (id, uuid or slug), by actor and by action", async () => {
    const made = await platform.api.post("/api/tenants/provision", newCompany());
    const { id, uuid, slug } = made.body.tenant;
    const retry = await platform.api.post(`/api/tenants/${id}/retry`, undefined, { "X-Request-Id": "of-this-test" });
    expect(retry.status).to.equal(202);
    const { entries, nextCursor } = (await platform.api.get(`/api/audit?tenant=${slug}`)).body;
    expect(nextCursor).to.equal(null);
    expect(entries.map((entry: Entry) => entry.action)).to.deep.equal(["tenant.retry-requested", "tenant.requested"]);
    const [newest] = entries;
    expect(Object.keys(newest)).to.have.members("id actor action tenantId correlationId data at hash".split(" "));
    expect(newest).to.deep.include({ tenantId: id, correlationId: "of-this-test", hash: await hashOf(newest.id) });
    expect(newest.data.operationId).to.equal(retry.body.operation.id);
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
    expect(exported().map(({ id, hash }) => ({ id, hash }))).to.deep.equal(rows);
    const { body } = await platform.api.get("/api/audit?action=tenant.retry-requested");
    const [retry] = body.entries;
    expect(exported("--tenant", String(retry.tenantId)).at(-1)).to.deep.equal(retry);
    const since = exported("--since", retry.at);
    expect(since[0]?.id).to.be.within(1, retry.id);
    expect(since.length).to.be.below(rows.length);
    expect(exported("--since", "2999-12-31")).to.deep.equal([]);
  });

  it("shows rows that were changed behind its back", async () => {
    const change = `UPDATE audit_log SET data = data || '{"slug": "other"}' WHERE id = 3;`;
    const broken = [{ id: 3, why: "row changed" }];
    await tampered(change, () => {
      expect(verify()).to.deep.include({ status: 4, broken });
      expect(run("verify").stdout).to.include("row 3: row changed").and.include("THE CHAIN IS BROKEN");
    });
    const withHash = `${change} UPDATE audit_log AS a SET hash = audit_row_hash(a) WHERE id = 3;`;
    const next = [{ id: 4, why: "row missing before" }];
    expect(await tampered(withHash, verify)).to.deep.include({ status: 4, broken: next });
    const withoutHash =
      "ALTER TABLE audit_log ALTER hash DROP NOT NULL; UPDATE audit_log SET hash = NULL WHERE id = 3;";
    expect(await tampered(withoutHash, verify)).to.deep.include({ status: 4, broken: [...broken, ...next] });
    expect(verify()).to.deep.include({ status: 0, broken: [] });
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

  it("shows that its newest rows were cut off to who kept the last hash", async () => {
    const kept = await lastHash();
    expect(verify("--expect", kept.toUpperCase())).to.deep.include({ status: 0, holdsExpected: true });
    const cut = "DELETE FROM audit_log WHERE id > (SELECT max(id) - 2 FROM audit_log);";
    await tampered(cut, () => {
      expect(verify()).to.deep.include({ status: 0, broken: [] });
      expect(verify("--expect", kept)).to.deep.include({ status: 4, broken: [], holdsExpected: false });
      expect(run("verify", "--expect", kept).stdout).to.include(`no row has the hash ${kept}`);
    });
    // The log goes on: what was last once is good for ever.
    await platform.api.post("/api/tenants/provision", newCompany(), { Prefer: "respond-async" });
    expect(verify("--expect", kept)).to.deep.include({ status: 0, holdsExpected: true });
  });

  it("is read whole when it is longer than a page", async () => {
    await platform.query(
      `INSERT INTO audit_log (id, previous_hash, hash, actor, action)
       SELECT 0, '', '', 'system', 'test.written' FROM generate_series(1, 10000)`,
    );
    const { rows, ...healthy } = verify();
    expect(healthy).to.deep.include({ status: 0, broken: [] });
    expect(exported().map(({ id }) => id)).to.deep.equal(Array.from({ length: rows }, (_, index) => index + 1));
    // The last row of a page, and the first of the next.
    for (const id of [5_000, 5_001])
      expect(await tampered(`DELETE FROM audit_log WHERE id = ${id};`, verify)).to.deep.include({
        status: 4,
        broken: [{ id: id + 1, why: "row missing before" }],
      });
  });

  it("explains the command, and refuses what it does not know", () => {
    expect(run("--help")).to.deep.include({ status: 0, stderr: "" });
    expect(run("verify", "--help").stdout).to.include("--expect HASH");
    for (const args of [
      [],
      ["explode"],
      ["verify", "--expect", "abc"],
      ["verify", "--tenant", "1"],
      ["export", "more"],
    ])
      expect(run(...args), args.join(" ")).to.deep.include({ status: 2, stdout: "" });
    expect(run("export", "--since", "yesterday").stderr).to.include("must be a date");
    const nobody = run("export", "--tenant", "nobody");
    expect(nobody).to.deep.include({ status: 1, stdout: "" });
    expect(nobody.stderr).to.include("there is no company 'nobody'");
  });
});
