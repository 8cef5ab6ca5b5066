/** The attacker controls a whole statement: what the list of a handle and the hardening of the server are for. */
import { expect } from "chai";
import { runBelow } from "../support/below-the-list.ts";
import type { Attack } from "./attack.ts";
import { denied, tries, triesBelow } from "./statements.ts";
import { failureOf, marksOf, seesItself, type World } from "./world.ts";

/** The pool's role may become any company's: below the list these would succeed, and nothing else is in their way. */
const refused: readonly Attack[] = [
  {
    name: "takes the other's role in a transaction",
    defence: "list of statements",
    control: seesItself,
    async run({ ofA, b }) {
      for (const sql of [`SET ROLE tenant_${b.id}`, `SET LOCAL ROLE tenant_${b.id}`, `/**/set role tenant_${b.id}`]) {
        const reading = ofA.transaction(async (db) => {
          await db.raw(sql);
          return (await db.raw(`SELECT metadata FROM tenant_${b.id}.customers`)).rows;
        });
        expect(await reading.catch(() => []), sql).to.deep.equal([]);
        expect((await failureOf(ofA.db.raw(sql))).code).to.equal("statement-not-allowed");
      }
    },
  },
  {
    name: "pretends to be the other in app.current_tenant",
    defence: "list of statements",
    control: seesItself,
    async run({ ofA, a, b }) {
      await ofA.transaction(async (db) => {
        await db.raw(`SET LOCAL app.current_tenant TO '${b.uuid}'`).catch(() => undefined);
        const { rows } = await db.raw("SELECT current_setting('app.current_tenant') AS tenant");
        expect(rows).to.deep.equal([{ tenant: a.uuid }]);
      });
    },
  },
  tries(
    "becomes another session user",
    "list of statements",
    () => "SET SESSION AUTHORIZATION postgres",
    /^statement-not-allowed /,
  ),
  {
    name: "gives its own role a password to log in with",
    defence: "list of statements",
    control: seesItself,
    async run({ ofA, a, platform }) {
      await ofA.db.raw(`ALTER ROLE tenant_${a.id} PASSWORD 'meu'`).catch(() => undefined);
      const rows = await platform.query("SELECT rolpassword FROM pg_authid WHERE rolname = $1", [`tenant_${a.id}`]);
      expect(rows).to.deep.equal([{ rolpassword: null }]);
    },
  },
];

const rows = ({ b }: World): string => `SELECT * FROM tenant_${b.id}.customers`;

/** Each begins as any query does, so that the list lets it through: the server has to refuse it. */
const functions: readonly Attack[] = [
  tries(
    "changes the role by set_config within a SELECT, and reads by query_to_xml",
    "functions that change a session are nobody's",
    (world) =>
      `SELECT set_config('role', 'tenant_${world.b.id}', true), query_to_xml('${rows(world)}', true, false, '')`,
    denied,
  ),
  tries(
    "changes the role by set_config, for the statements behind it",
    "functions that change a session are nobody's",
    ({ b }) => `SELECT set_config('role', 'tenant_${b.id}', true)`,
    denied,
  ),
  tries(
    "changes its identity by set_config",
    "functions that change a session are nobody's",
    ({ b }) => `SELECT set_config('app.current_tenant', '${b.uuid}', true)`,
    denied,
  ),
  // The view runs set_config, which is refused too: this is about the line before it.
  tries(
    "changes a setting by the view of settings",
    "view of settings is read only",
    () => "UPDATE pg_catalog.pg_settings SET setting = 'off' WHERE name = 'jit'",
    /permission denied for view pg_settings/,
  ),
  ...["query_to_xml('SELECT 1', true, false, '')", "table_to_xml('customers', true, false, '')"].map((call) =>
    tries(
      `runs a query hidden in a text: ${call.split("(")[0]}`,
      "no queries in texts",
      () => `SELECT ${call}::text`,
      denied,
    ),
  ),
  tries(
    "runs a query hidden in a text: ts_stat",
    "no queries in texts",
    () => "SELECT word FROM ts_stat('SELECT to_tsvector(name) FROM customers')",
    denied,
  ),
  tries(
    "stores a large object, outside of its schema",
    "no large objects",
    () => "SELECT lo_from_bytea(0, 'x')",
    denied,
  ),
  tries(
    "makes a temporary table by SELECT INTO",
    "no temporary tables",
    () => "SELECT 1 AS one INTO TEMPORARY mine",
    denied,
  ),
];

const programs: readonly Attack[] = [
  triesBelow(
    "runs DO with the other's role",
    "no programs",
    ({ b }) => `DO $$ BEGIN EXECUTE 'SET ROLE tenant_${b.id}'; EXECUTE 'DELETE FROM tenant_${b.id}.customers'; END $$`,
  ),
  triesBelow(
    "makes a function in pg_temp",
    "no programs",
    () => "CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
  ),
  {
    name: "makes a temporary table that shadows the next company's",
    defence: "no temporary tables",
    control: seesItself,
    async run({ ofA, ofB, b }) {
      const shadow = `SELECT 'x'::text AS name, '{"of": "nobody"}'::jsonb AS metadata`;
      await ofA.db.raw(`${shadow} INTO TEMPORARY customers`).catch(() => undefined);
      await runBelow(ofA, `CREATE TEMP TABLE customers AS ${shadow}`).catch(() => undefined);
      expect(await marksOf(ofB)).to.deep.equal([b.slug]);
    },
  },
  triesBelow(
    "makes a temporary table by its own statement",
    "no temporary tables",
    () => "CREATE TEMP TABLE mine (id int)",
  ),
];

export const wholeStatementAttacks: readonly Attack[] = [...refused, ...functions, ...programs];
