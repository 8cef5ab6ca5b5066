/** Every schema is held against a fresh one of its own version, and what differs is said so that a person can mend it. */
import { expect } from "chai";
import { printVerify, verifyExitCode } from "../control-plane/fleet/verify/print-verify.ts";
import { verifyFleet } from "../control-plane/fleet/verify/verify-fleet.ts";
import type { Verdict } from "../control-plane/fleet/verify/verify-tenant.ts";
import { migrateTenant } from "../core/migrations/run.ts";
import { openFleet, type TestFleet } from "./support/fleet.ts";

describe("verifying a fleet", () => {
  let fleet: TestFleet;
  const size = 32;
  const schema = (index: number) => `tenant_${fleet.ids[index]}`;

  before(async () => {
    fleet = await openFleet(size);
  });
  after(() => fleet.close());

  const lines = async () => {
    const result = await verifyFleet(fleet.ctx);
    const text = printVerify(result).split("\n");
    return { result, counts: result.counts, text: text.slice(0, -1) };
  };

  it("finds nothing where nothing was changed, and writes down what it saw", async () => {
    const seen: Verdict[] = [];
    let progress = 0;
    const result = await verifyFleet(fleet.ctx, {
      onVerdict: (verdict) => seen.push(verdict),
      onProgress: ({ done, total }) => {
        expect(total).to.equal(size);
        progress = done;
      },
    });
    expect(result.counts).to.deep.equal({ ok: size, behind: 0, drifted: 0, missing: 0, unknown: 0 });
    expect([seen.length, progress, result.tenants]).to.deep.equal([size, size, []]);
    expect(verifyExitCode(result)).to.equal(0);
    const written = await fleet.query(
      "SELECT DISTINCT fingerprint FROM tenant_versions WHERE verified_at > now() - interval '1 minute'",
    );
    expect(written).to.have.length(1);
    const [{ count }] = (await fleet.query("SELECT count(verified_at)::int FROM tenant_versions")) as [
      { count: number },
    ];
    expect(count).to.equal(size);
  });

  it("says of each tenant in words what is not as its migrations make it", async () => {
    const stranger = `stranger_${fleet.ids[0]}`;
    await fleet.query(`CREATE ROLE ${stranger};
      ALTER TABLE ${schema(3)}.customers ALTER COLUMN email TYPE varchar(80);
      ALTER TABLE ${schema(3)}.customers ALTER COLUMN name SET DEFAULT 'x';
      ALTER TABLE ${schema(3)}.customers ALTER COLUMN name DROP NOT NULL;
      ALTER TABLE ${schema(5)}.orders DROP CONSTRAINT orders_customer_id_fkey;
      CREATE INDEX by_total ON ${schema(5)}.orders (total);
      GRANT SELECT ON ${schema(8)}.orders TO ${stranger};
      REVOKE INSERT ON ${schema(8)}.orders FROM ${schema(8)};
      ALTER TABLE ${schema(13)}.customers ADD COLUMN loyalty integer;
      ALTER TABLE ${schema(13)}.orders OWNER TO ${stranger};
      DROP TABLE ${schema(21)}.orders;
      ALTER SCHEMA ${schema(30)} RENAME TO lost_${fleet.ids[30]};
      COMMENT ON SCHEMA ${schema(31)} IS 'somebody else''s'`);
    try {
      const { counts, text, result } = await lines();
      expect(counts).to.deep.equal({ ok: size - 7, behind: 0, drifted: 5, missing: 1, unknown: 1 });
      expect(verifyExitCode(result)).to.equal(1);
      expect(text).to.deep.equal([
        `${schema(3)} customers.email: type is character varying(80), should be text`,
        `${schema(3)} customers.name: default is 'x'::text, should be none`,
        `${schema(3)} customers.name: notnull is false, should be true`,
        `${schema(5)}: constraint orders.orders_customer_id_fkey is missing (FOREIGN KEY (customer_id) REFERENCES customers(id))`,
        `${schema(5)}: index by_total should not be there (CREATE INDEX by_total ON orders USING btree (total))`,
        `${schema(8)}: grant SELECT on orders to ${stranger} should not be there`,
        `${schema(8)}: grant INSERT on orders to ${schema(8)} is missing`,
        `${schema(13)}: column customers.loyalty should not be there (integer)`,
        `${schema(13)} orders: owner is ${stranger}, should be the platform's`,
        `${schema(21)}: table orders is missing`,
        `${schema(30)}: missing: there is no such schema: restore it from a backup, or import an export`,
        `${schema(31)}: unknown: the schema carries another mark, so it was not read`,
      ]);
      expect(result.tenants[0]?.differences[0]).to.deep.equal({
        kind: "type",
        object: "customers.email",
        attribute: "type",
        expected: "text",
        actual: "character varying(80)",
      });
    } finally {
      await fleet.query(`ALTER SCHEMA lost_${fleet.ids[30]} RENAME TO ${schema(30)};
        DROP OWNED BY ${stranger}; DROP ROLE ${stranger}`);
    }
  });

  it("compares a tenant behind with its own version, and says where that is unknown", async () => {
    const undo = `ALTER TABLE customers DROP COLUMN points;\nDROP INDEX orders_by_customer`;
    fleet.write(
      "0002_points.sql",
      "ALTER TABLE customers ADD COLUMN points integer NOT NULL DEFAULT 0;\nCREATE INDEX orders_by_customer ON orders (customer_id)",
      undo,
    );
    const owners = await fleet.query<{ id: number; uuid: string }>(
      "SELECT id::int, uuid FROM companies WHERE id = ANY ($1) ORDER BY id",
      [[0, 1, 2, 3].map((index) => fleet.ids[index])],
    );
    for (const owner of owners) await migrateTenant(fleet.url, owner);
    await fleet.query(`DROP INDEX ${schema(2)}.orders_by_customer;
      ALTER TABLE ${schema(4)}.customers ADD COLUMN points integer;
      UPDATE tenant_versions SET version = '0000 unknown' WHERE tenant_id = ${fleet.ids[6]};
      UPDATE tenant_versions SET version = '0099_later.sql 0123456789abcdef' WHERE tenant_id = ${fleet.ids[7]}`);
    const tenants = [0, 1, 2, 4, 6, 7, 9, 10].map((index) => fleet.ids[index] as number);
    const result = await verifyFleet(fleet.ctx, { tenants });
    expect(result.counts).to.deep.equal({ ok: 2, behind: 2, drifted: 2, missing: 0, unknown: 2 });
    expect(printVerify(result).split("\n").slice(0, -1)).to.deep.equal([
      `${schema(2)}: index orders_by_customer is missing (CREATE INDEX orders_by_customer ON orders USING btree (customer_id))`,
      `${schema(4)}: behind: held against 0001_start.sql`,
      `${schema(4)}: column customers.points should not be there (integer)`,
      `${schema(6)}: unknown: its history was not read yet; migrate it, then verify it`,
      `${schema(7)}: unknown: these files never made its version 0099_later.sql 0123456789abcdef: a newer release did, or a file was edited`,
    ]);
    const behind = await verifyFleet(fleet.ctx, { tenants: tenants.slice(-2) });
    expect(verifyExitCode(behind)).to.equal(3);
  });

  it("gives up behind a migration's lock, and leaves out a company being removed", async () => {
    const [busy, leaving] = [fleet.ids[15], fleet.ids[16]];
    await fleet.query(`UPDATE companies SET desired_state = 'deleted' WHERE id = ${leaving}`);
    await fleet.query(`BEGIN; LOCK TABLE ${schema(15)}.orders IN ACCESS EXCLUSIVE MODE`);
    try {
      const seen: Verdict[] = [];
      await verifyFleet(fleet.ctx, { onVerdict: (verdict) => seen.push(verdict) });
      expect(seen.map(({ tenant }) => tenant)).to.not.include(leaving);
      expect(seen.find(({ tenant }) => tenant === busy)?.status).to.equal("behind");
    } finally {
      await fleet.query("ROLLBACK");
    }
  });
});
