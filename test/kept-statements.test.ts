/** What comes back on a connection is parsed and planned once for each company; nobody notices anything else of it. */
import { expect } from "chai";
import { openTenantPool, type TenantHandle, type TenantPool } from "../core/tenant-db/tenant-pool.ts";
import { runBelow } from "./support/below-the-list.ts";
import { usePlatform } from "./support/platform.ts";
import { openCompany, type Company } from "./support/runtime-client.ts";

const appName = "keeping test";

describe("statements that a connection keeps", () => {
  const platform = usePlatform({ workers: true });
  let a: Company;
  let b: Company;
  let pool: TenantPool;
  let ofA: TenantHandle;
  let ofB: TenantHandle;

  before(async () => {
    [a, b] = await Promise.all([openCompany(platform), openCompany(platform)]);
    for (const { id, slug } of [a, b]) {
      await platform.query(`CREATE TABLE tenant_${id}.notes (id int PRIMARY KEY, of text)`);
      await platform.query(`GRANT ALL ON tenant_${id}.notes TO tenant_${id}`);
      await platform.query(`INSERT INTO tenant_${id}.notes VALUES (1, $1)`, [slug]);
      // What the product shuts for everybody: so that the test sees what is kept.
      await platform.query(`GRANT EXECUTE ON FUNCTION pg_prepared_statement() TO tenant_${id}`);
    }
  });
  beforeEach(() => open());
  afterEach(() => pool.close());

  const open = () => {
    pool = openTenantPool(platform.databaseUrl, platform.ctx.secrets, { name: appName, max: 1 });
    [ofA, ofB] = [pool.forTenant(a), pool.forTenant(b)];
  };
  const countKept = async (text: string): Promise<number> => {
    const look =
      "SELECT count(*)::int AS kept FROM pg_prepared_statements WHERE name LIKE 'kept%' AND statement LIKE ?";
    return (await ofA.db.raw(look, [`${text}%`])).rows[0].kept;
  };
  const times = async (count: number, work: () => PromiseLike<unknown>) => {
    for (let i = 0; i < count; i += 1) await work();
  };
  const noteOf = ({ db }: TenantHandle, id = 1) => db("notes").where({ id }).first();

  it("are kept from the third time, for each company, and answer with its own rows", async () => {
    await times(2, () => noteOf(ofA));
    expect(await countKept("select * from")).to.equal(0);
    for (let i = 0; i < 5; i += 1) {
      expect(await noteOf(ofA)).to.deep.equal({ id: 1, of: a.slug });
      expect(await noteOf(ofB)).to.deep.equal({ id: 1, of: b.slug });
      expect(await noteOf(ofA, 7)).to.equal(undefined);
    }
    expect(await countKept("select * from")).to.equal(2);
  });

  it("write, and say how many rows, and which", async () => {
    for (let i = 10; i < 16; i += 1) {
      expect(await ofA.db("notes").insert({ id: i, of: "new" }, ["id"])).to.deep.equal([{ id: i }]);
      expect(await ofA.db("notes").where({ id: i }).update({ of: "old" })).to.equal(1);
      expect(await ofA.db("notes").where({ id: i }).delete()).to.equal(1);
    }
    for (const verb of ["insert", "update", "delete"]) expect(await countKept(verb), verb).to.equal(1);
  });

  it("fail once, as they would without", async () => {
    for (let i = 0; i < 6; i += 1) {
      const failure = await ofA
        .db("notes")
        .insert({ id: 1, of: "twice" })
        .catch((error: unknown) => error);
      expect(failure).to.include({ code: "23505" });
      const wrong = await ofA.db.raw("select 1 / ?::int", [0]).catch((error: unknown) => error);
      expect(wrong).to.include({ code: "22012" });
    }
    expect(await noteOf(ofA)).to.deep.equal({ id: 1, of: a.slug });
  });

  it("follow a migration: a new column, another type, another name", async () => {
    await times(6, () => noteOf(ofA));
    const find = (id: string) => ofA.db("notes").where({ id }).count("* as n").first();
    await times(6, () => find("1"));
    await platform.query(`ALTER TABLE tenant_${a.id}.notes ADD COLUMN later text DEFAULT 'x'`);
    expect(await noteOf(ofA)).to.deep.equal({ id: 1, of: a.slug, later: "x" });
    await platform.query(`ALTER TABLE tenant_${a.id}.notes ALTER COLUMN id TYPE bigint`);
    expect(await find("4000000000"), "beyond what it was parsed for").to.deep.equal({ n: 0 });
    await platform.query(`ALTER TABLE tenant_${a.id}.notes RENAME COLUMN later TO after`);
    expect(await noteOf(ofA)).to.deep.equal({ id: 1, of: a.slug, after: "x" });
    await times(6, () => noteOf(ofA));
    expect(await noteOf(ofA)).to.deep.equal({ id: 1, of: a.slug, after: "x" });
  });

  it("are made again when the session has lost them", async () => {
    await times(6, () => noteOf(ofB));
    await runBelow(ofB, "DEALLOCATE ALL");
    await times(6, async () => expect(await noteOf(ofB)).to.deep.equal({ id: 1, of: b.slug }));
  });

  it("are none where the server shows every role what a session keeps", async () => {
    await platform.query("GRANT EXECUTE ON FUNCTION pg_prepared_statement() TO PUBLIC");
    try {
      await pool.close();
      open();
      await times(6, () => noteOf(ofB));
      expect(await countKept("select")).to.equal(0);
    } finally {
      await platform.query("REVOKE EXECUTE ON FUNCTION pg_prepared_statement() FROM PUBLIC");
    }
  });
});
