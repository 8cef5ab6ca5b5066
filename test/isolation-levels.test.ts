/** The start-up probe: every attack is stopped on a fresh platform, and each one succeeds where its door is opened. */
import { expect } from "chai";
import { attacks } from "../core/isolation/attacks.ts";
import { probeIsolation } from "../core/isolation/probe.ts";
import { listRemedies } from "../core/isolation/remedies.ts";
import { scratchA, scratchB } from "../core/isolation/scratch-tenants.ts";
import { openDatabase, type Knex } from "../core/db.ts";
import { runtimeRole } from "../core/migrations/tenant-schema.ts";
import { servicePassword } from "../core/service-roles.ts";
import { openTenantPool, type TenantPool } from "../core/tenant-db/tenant-pool.ts";
import { startPooler } from "./support/pgbouncer.ts";
import { usePlatform } from "./support/platform.ts";
import { setUpDatabase } from "../core/setup.ts";

const b = scratchB.names.schema;
const a = scratchA.names.role;
const xml = ["query_to_xml(text,boolean,boolean,text)", "table_to_xml(regclass,boolean,boolean,text)"];
const otherRows = "rows rows-locked rows-changed rows-added rows-joined rows-by-xml table-by-xml schema-by-xml";

/** What an administrator could do wrong, and exactly the attacks that then succeed. */
const openings: { grants: string[]; succeed: string[]; level: string }[] = [
  {
    grants: [
      `USAGE ON SCHEMA ${b} TO ${a}`,
      `SELECT, INSERT, UPDATE ON ${b}.marks TO ${a}`,
      ...xml.map((name) => `EXECUTE ON FUNCTION ${name} TO ${a}`),
      `EXECUTE ON FUNCTION schema_to_xml(name,boolean,boolean,text) TO ${a}`,
      `EXECUTE ON FUNCTION ts_stat(text) TO ${a}`,
    ],
    succeed: [...otherRows.split(" "), "rows-by-words", "statistics"].map((name) => `other-${name}`),
    level: "none",
  },
  {
    grants: [`USAGE ON SCHEMA ${b} TO ${a}`, `ALL ON SEQUENCE ${b}.marks_id_seq TO ${a}`],
    succeed: ["other-sequence", "other-sequence-moved"],
    level: "none",
  },
  {
    grants: [`USAGE ON SCHEMA public TO ${a}`, `SELECT ON public.companies, public.signing_keys TO ${a}`],
    succeed: ["registry", "signing-keys"],
    level: "none",
  },
  { grants: [`SELECT ON pg_authid TO ${a}`], succeed: ["password-hashes"], level: "none" },
  {
    grants: [`EXECUTE ON FUNCTION pg_read_file(text), pg_ls_dir(text) TO ${a}`],
    succeed: ["server-files", "server-folders", "dangerous-functions"],
    level: "none",
  },
  {
    grants: [`SELECT ON pg_hba_file_rules TO ${a}`, `EXECUTE ON FUNCTION pg_hba_file_rules() TO ${a}`],
    succeed: ["server-configuration"],
    level: "none",
  },
  {
    grants: [`pg_read_all_stats TO ${a} WITH INHERIT TRUE`],
    succeed: ["statements-of-others", "memberships"],
    level: "none",
  },
  { grants: [`CREATE ON SCHEMA ${a} TO ${a}`], succeed: ["new-table"], level: "none" },
  { grants: ["TEMPORARY ON DATABASE :database TO PUBLIC"], succeed: ["temporary-table"], level: "none" },
  {
    grants: [
      "EXECUTE ON FUNCTION set_config(text,text,boolean) TO PUBLIC",
      "EXECUTE ON FUNCTION query_to_xml(text,boolean,boolean,text) TO PUBLIC",
      "UPDATE ON pg_settings TO PUBLIC",
    ],
    succeed: ["role-by-set_config", "settings-by-view", "path-by-set_config", "identity-by-set_config"],
    level: "pooled",
  },
  {
    grants: ["EXECUTE ON FUNCTION lo_from_bytea(oid,bytea) TO PUBLIC"],
    succeed: ["large-object"],
    level: "pooled",
  },
  {
    grants: ["EXECUTE ON FUNCTION pg_prepared_statement() TO PUBLIC"],
    succeed: ["statements-kept-of-others"],
    level: "pooled",
  },
  { grants: ["USAGE ON LANGUAGE plpgsql TO PUBLIC"], succeed: ["languages"], level: "pooled" },
];

/** No right of the server opens these: they are the handle's to stop. */
const ofTheHandle = [
  ..."two-statements savepoint-rolled-back setting-for-the-next role-by-statement role-left".split(" "),
  ..."transaction-ended own-password session-setting statement-kept cursor-kept".split(" "),
];

describe("the start-up probe of isolation", () => {
  const platform = usePlatform();
  let pool: TenantPool;
  before(() => {
    pool = openTenantPool(platform.databaseUrl, platform.ctx.secrets, { name: "probe test", max: 1 });
  });
  after(() => pool.close());

  const names = attacks.map(({ name }) => name);

  it("holds every attack on a fresh platform, and has nothing to repair", async () => {
    expect(await probeIsolation(pool)).to.deep.equal({ level: "hardened", held: names, failed: [] });
    expect(await listRemedies(pool)).to.deep.equal([]);
  });

  it("holds every attack through PgBouncer in transaction mode", async () => {
    const password = servicePassword(platform.ctx.secrets, runtimeRole);
    const pooler = await startPooler(platform.databaseUrl, { user: runtimeRole, password, connections: 2 });
    const pooled = openTenantPool(pooler.url, platform.ctx.secrets, { name: "probe test", max: 4 });
    try {
      expect(await probeIsolation(pooled)).to.deep.equal({ level: "hardened", held: names, failed: [] });
    } finally {
      await pooled.close();
      await pooler.stop();
    }
  });

  for (const { grants, succeed, level } of openings) {
    const others = succeed.length === 1 ? "" : ` and ${succeed.length - 1} more`;
    it(`sees ${succeed[0]}${others} succeed where the door is open`, async () => {
      const database = new URL(platform.databaseUrl).pathname.slice(1);
      const sql = grants.map((grant) => grant.replace(":database", database));
      for (const grant of sql) await platform.query(`GRANT ${grant}`);
      try {
        const found = await probeIsolation(pool);
        expect(found.failed.map(({ name }) => name)).to.have.members(succeed);
        expect(found.level).to.equal(level);
      } finally {
        for (const grant of sql)
          await platform.query(`REVOKE ${grant.replace(/ TO (\w+)(?: WITH INHERIT TRUE)?$/, " FROM $1")}`);
      }
      expect((await probeIsolation(pool)).level).to.equal("hardened");
    });
  }

  it("sees what a careless handle lets through", async () => {
    await platform.query("GRANT EXECUTE ON FUNCTION set_config(text,text,boolean) TO PUBLIC");
    const password = servicePassword(platform.ctx.secrets, runtimeRole);
    const plain = openDatabase(platform.databaseUrl, { name: "careless", max: 1, user: runtimeRole, password });
    try {
      const { failed } = await probeIsolation(carelessPool(plain));
      expect(failed.map(({ name }) => name)).to.include.members(ofTheHandle);
    } finally {
      await plain.destroy();
      await setUpDatabase(platform.databaseUrl, platform.ctx.secrets);
    }
    expect((await probeIsolation(pool)).level, "after another set-up").to.equal("hardened");
  });

  it("has no attack that was never seen to succeed", () => {
    expect([...openings.flatMap(({ succeed }) => succeed), ...ofTheHandle]).to.have.members(names);
  });
});

/** As one would write it at first: the role set for the session, statements as they come, savepoints with a scope of their own. */
function carelessPool(plain: Knex): TenantPool {
  return {
    forTenant({ names }) {
      const scope = `SET ROLE ${names?.role}; SET search_path TO ${names?.schema}`;
      const raw = async (sql: string) => {
        await plain.raw(scope);
        return plain.raw(sql);
      };
      const transaction = (work: (db: any) => Promise<any>) =>
        plain.transaction(async (trx) => {
          await trx.raw(scope.replaceAll("SET ", "SET LOCAL "));
          const nested = async () => {
            await trx.raw(`SET LOCAL ROLE ${b}`);
            throw new Error("rolled back, and the scope was not set again");
          };
          return work({ raw: (sql: string) => trx.raw(sql), transaction: nested });
        });
      return { db: { raw, transaction: () => plain.transaction() } as unknown as Knex, transaction } as never;
    },
    close: () => Promise.resolve(),
  };
}
