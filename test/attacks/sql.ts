/** Whoever may write whole statements, or parts of them, on a handle of its own. */
import { expect } from "chai";
import type { Attack } from "./attack.ts";
import { failureOf, marksOf, seesItself, type Failure, type World } from "./world.ts";

type Write = (world: World) => string;

/** One statement, alone and in a transaction: it fails, or what it answers holds nothing of the victim. */
const tries = (name: string, defence: string, write: Write, why?: RegExp): Attack => ({
  name,
  defence,
  control: seesItself,
  async run(world) {
    const sql = write(world);
    for (const run of [() => world.ofA.db.raw(sql), () => world.ofA.transaction((db) => db.raw(sql))]) {
      const outcome = await Promise.resolve(run()).then(
        ({ rows }: { rows?: unknown }) => rows ?? "ran",
        (error: Failure) => error,
      );
      if (why) expect(outcome instanceof Error && `${(outcome as Failure).code} ${outcome.message}`, sql).to.match(why);
      else if (!(outcome instanceof Error)) expect(JSON.stringify(outcome), sql).not.to.include(world.b.slug);
    }
  },
});

const whole = (name: string, write: Write): Attack => tries(name, "what a whole statement may do", write);

/** Even where the statement itself is let through, it must show nothing and leave nothing. */
const denied = /^(42501|statement-not-allowed) /;
const stacked = /^42601 |^statement-not-allowed /;

const reaching: readonly Attack[] = [
  tries(
    "reads the other's table by its full name",
    "rights of a tenant's role",
    ({ b }) => `SELECT * FROM tenant_${b.id}.customers`,
    denied,
  ),
  tries(
    "writes the other's table",
    "rights of a tenant's role",
    ({ b }) => `UPDATE tenant_${b.id}.customers SET name = 'x'`,
    denied,
  ),
  tries(
    "deletes from the other's table",
    "rights of a tenant's role",
    ({ b }) => `DELETE FROM tenant_${b.id}.customers`,
    denied,
  ),
  tries(
    "inserts into the other's table",
    "rights of a tenant's role",
    ({ b }) => `INSERT INTO tenant_${b.id}.customers (name) VALUES ('x')`,
    denied,
  ),
  tries(
    "joins the other's table in a subquery",
    "rights of a tenant's role",
    ({ b }) => `SELECT name, (SELECT min(metadata->>'of') FROM tenant_${b.id}.customers) FROM customers`,
    denied,
  ),
  tries(
    "writes the other's table in a WITH",
    "rights of a tenant's role",
    ({ b }) => `WITH x AS (DELETE FROM tenant_${b.id}.customers RETURNING *) SELECT * FROM x`,
    denied,
  ),
  tries(
    "reads the other's password hashes",
    "rights of a tenant's role",
    ({ b }) => `SELECT password_hash FROM tenant_${b.id}.users`,
    denied,
  ),
  tries(
    "locks the other's table",
    "rights of a tenant's role",
    ({ b }) => `LOCK TABLE tenant_${b.id}.customers IN ACCESS EXCLUSIVE MODE`,
    denied,
  ),
  tries(
    "explains its way into the other's table",
    "rights of a tenant's role",
    ({ b }) => `EXPLAIN ANALYZE SELECT * FROM tenant_${b.id}.customers`,
    denied,
  ),
  tries(
    "advances the other's sequence",
    "rights of a tenant's role",
    ({ b }) => `SELECT nextval('tenant_${b.id}.knex_migrations_id_seq')`,
    denied,
  ),
  tries("makes a table of its own", "tenants own nothing", () => "CREATE TABLE mine (id int)", denied),
  tries("drops a table of its schema", "tenants own nothing", () => "DROP TABLE customers", denied),
  tries(
    "reads the registry",
    "public is closed",
    () => "SELECT * FROM public.companies",
    /schema public|statement-not-allowed/,
  ),
  tries(
    "calls a function of the registry",
    "public is closed",
    ({ b }) => `SELECT public.ensure_month_partitions('tenant_${b.id}', 9)`,
    /schema public|statement-not-allowed/,
  ),
  tries("reads a file of the server", "tenants own nothing", () => "SELECT pg_read_file('/etc/passwd')", denied),
];

const injected: readonly Attack[] = [
  tries("stacks a second statement", "extended protocol", () => "SELECT 1; SELECT 2", stacked),
  tries(
    "leaves its transaction by a stacked COMMIT",
    "extended protocol",
    ({ b }) => `SELECT 1; COMMIT; SET ROLE tenant_${b.id}`,
    stacked,
  ),
  {
    name: "asks for the simple protocol in the query's own options",
    defence: "extended protocol",
    control: seesItself,
    async run({ ofA }) {
      const query = ofA.db("customers").whereRaw("true; SELECT 2").options({ queryMode: "simple" });
      expect((await failureOf(query)).code).to.equal("42601");
    },
  },
  {
    name: "puts SQL into a bound value",
    defence: "extended protocol",
    control: seesItself,
    async run({ ofA, b }) {
      const name = `'; SET ROLE tenant_${b.id}; SELECT * FROM customers; --`;
      expect(await ofA.db("customers").where({ name })).to.deep.equal([]);
    },
  },
  {
    name: "puts SQL into the customers' search",
    defence: "bound values",
    control: searchesItself,
    async run(world) {
      const { ask, a, b } = world;
      const texts = ["%' OR true --", `' UNION SELECT * FROM tenant_${b.id}.customers --`, "x') OR ('1'='1", "\\"];
      for (const text of texts) {
        const path = `GET /v1/customers?search=${encodeURIComponent(text)}`;
        const { status, body } = await ask(a.api, path, { token: a.token });
        expect([status, body.customers], text).to.deep.equal([200, []]);
      }
    },
  },
  {
    name: "puts SQL into a cursor",
    defence: "bound values",
    control: searchesItself,
    async run({ ask, a }) {
      const write = (place: unknown) => Buffer.from(JSON.stringify(place)).toString("base64url");
      const id = "00000000-0000-0000-0000-000000000000";
      const injecting = await ask(a.api, `GET /v1/customers?cursor=${write(["zz', '0') OR true --", id])}`, {
        token: a.token,
      });
      expect([injecting.status, injecting.body.customers]).to.deep.equal([200, []]);
      const asId = await ask(a.api, `GET /v1/customers?cursor=${write(["a", `${id}' OR true --`])}`, {
        token: a.token,
      });
      expect(asId.status).to.equal(422);
    },
  },
  {
    name: "puts SQL into an id of the path",
    defence: "bound values",
    control: ({ ask, a, rowsOfA }) =>
      ask(a.api, `GET /v1/customers/${rowsOfA[0]}`, { token: a.token }).then(({ status }) =>
        expect(status).to.equal(200),
      ),
    async run({ ask, a, rowsOfA }) {
      for (const id of [`${rowsOfA[0]}'--`, "1%20OR%20true", "%27%3B%20SELECT%201"])
        expect((await ask(a.api, `GET /v1/customers/${id}`, { token: a.token })).status, id).to.equal(404);
    },
  },
];

async function searchesItself({ ask, a }: World): Promise<void> {
  const { body } = await ask(a.api, "GET /v1/customers?search=ana", { token: a.token });
  expect(body.customers).to.have.length(1);
}

/** The attacker controls a whole statement: what the server's hardening and the list of allowed statements are for. */
const hardened: readonly Attack[] = [
  whole(
    "changes the role by set_config within a SELECT, and reads by query_to_xml",
    ({ b }) =>
      `SELECT set_config('role', 'tenant_${b.id}', true), query_to_xml('SELECT * FROM tenant_${b.id}.customers', true, false, '')`,
  ),
  whole(
    "runs DO with the other's role",
    ({ b }) => `DO $$ BEGIN EXECUTE 'SET ROLE tenant_${b.id}'; EXECUTE 'DELETE FROM tenant_${b.id}.customers'; END $$`,
  ),
  {
    name: "takes the other's role in a transaction",
    defence: "what a whole statement may do",
    control: seesItself,
    async run({ ofA, b }) {
      for (const sql of [
        `SET ROLE tenant_${b.id}`,
        `SET LOCAL ROLE tenant_${b.id}`,
        `SELECT set_config('role', 'tenant_${b.id}', true)`,
      ]) {
        const reading = ofA.transaction(async (db) => {
          await db.raw(sql);
          return (await db.raw(`SELECT metadata FROM tenant_${b.id}.customers`)).rows;
        });
        expect(await reading.catch(() => []), sql).to.deep.equal([]);
      }
    },
  },
  {
    name: "pretends to be the other in app.current_tenant",
    defence: "what a whole statement may do",
    control: seesItself,
    async run({ ofA, a, b }) {
      for (const sql of [
        `SET LOCAL app.current_tenant TO '${b.uuid}'`,
        `SELECT set_config('app.current_tenant', '${b.uuid}', true)`,
      ]) {
        const reading = ofA.transaction(async (db) => {
          await db.raw(sql).catch(() => undefined);
          return (await db.raw("SELECT current_setting('app.current_tenant') AS tenant")).rows[0].tenant;
        });
        expect(await reading.catch(() => a.uuid), sql).to.equal(a.uuid);
      }
    },
  },
  whole("becomes another session user", () => "SET SESSION AUTHORIZATION postgres"),
  {
    name: "makes a temporary table that shadows the next company's",
    defence: "what a whole statement may do",
    control: seesItself,
    async run({ ofA, ofB, b }) {
      await ofA.db
        .raw("CREATE TEMP TABLE customers AS SELECT 'x'::text AS name, '{\"of\": \"nobody\"}'::jsonb AS metadata")
        .catch(() => undefined);
      expect(await marksOf(ofB)).to.deep.equal([b.slug]);
    },
  },
  whole("makes a function in pg_temp", () => "CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 1'"),
  {
    name: "gives its own role a password to log in with",
    defence: "what a whole statement may do",
    control: seesItself,
    async run({ ofA, a, platform }) {
      await ofA.db.raw(`ALTER ROLE tenant_${a.id} PASSWORD 'meu'`).catch(() => undefined);
      const rows = await platform.query("SELECT rolpassword FROM pg_authid WHERE rolname = $1", [`tenant_${a.id}`]);
      expect(rows).to.deep.equal([{ rolpassword: null }]);
    },
  },
];

export const sqlAttacks: readonly Attack[] = [...reaching, ...injected, ...hardened];
