/** Whoever may write a query, or parts of one, on a handle of its own. */
import { expect } from "chai";
import type { Attack } from "./attack.ts";
import { denied, tries, triesBelow } from "./statements.ts";
import { failureOf, seesItself, type World } from "./world.ts";

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
  triesBelow("makes a table of its own", "tenants own nothing", () => "CREATE TABLE mine (id int)"),
  triesBelow("drops a table of its schema", "tenants own nothing", () => "DROP TABLE customers"),
  triesBelow(
    "turns the triggers of its tables off",
    "tenants own nothing",
    () => "ALTER TABLE users DISABLE TRIGGER ALL",
  ),
  tries("makes a table by SELECT INTO", "tenants own nothing", () => "SELECT 1 AS one INTO mine", denied),
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

export const sqlAttacks: readonly Attack[] = [...reaching, ...injected];
