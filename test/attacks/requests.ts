/** Ids of the victim's rows, fields that are not the client's, and what JavaScript makes of odd names. */
import { expect } from "chai";
import type { Attack } from "./attack.ts";
import type { World } from "./world.ts";

const listsItself = async ({ ask, a }: World): Promise<void> => {
  const { status, body } = await ask(a.api, "GET /v1/customers", { token: a.token });
  expect(status).to.equal(200);
  expect(marksIn(body)).to.deep.equal([a.slug]);
};

const marksIn = (body: { customers: { metadata: { of?: string } }[] }) => [
  ...new Set(body.customers.map(({ metadata }) => metadata.of).filter((of) => of !== undefined)),
];

/** The same act as on an own row. */
const onTheVictims = (name: string, method: string, body?: object): Attack => ({
  name,
  defence: "a handle of one's own",
  control: async ({ ask, a, rowsOfA }) => {
    const path = `/v1/customers/${rowsOfA[0]}`;
    const act = method === "DELETE" ? `GET ${path}` : `${method} ${path}`;
    expect((await ask(a.api, act, { token: a.token, ...(body ? { body } : {}) })).status).to.equal(200);
  },
  async run({ ask, a, rowsOfB }) {
    for (const id of [...rowsOfB, ...rowsOfB.map((row) => row.toUpperCase())]) {
      const answer = await ask(a.api, `${method} /v1/customers/${id}`, { token: a.token, ...(body ? { body } : {}) });
      expect(answer.status).to.equal(404);
    }
  },
});

const objects: readonly Attack[] = [
  onTheVictims("reads a customer of the victim by its id", "GET"),
  onTheVictims("changes a customer of the victim by its id", "PATCH", { notes: "mudado" }),
  onTheVictims("deletes a customer of the victim by its id", "DELETE"),
  {
    name: "pages with the victim's cursor",
    defence: "a handle of one's own",
    control: listsItself,
    async run({ ask, a, b }) {
      const { body } = await ask(b.api, "GET /v1/customers?limit=1", { token: b.token });
      const next = await ask(a.api, `GET /v1/customers?cursor=${body.nextCursor}`, { token: a.token });
      expect(marksIn(next.body)).to.not.include(b.slug);
    },
  },
  {
    name: "searches for what only the victim has",
    defence: "a handle of one's own",
    control: listsItself,
    async run({ ask, a, b }) {
      for (const search of [b.slug, "a", "%", "_"]) {
        const { body } = await ask(a.api, `GET /v1/customers?search=${encodeURIComponent(search)}`, { token: a.token });
        expect(marksIn(body), search).to.not.include(b.slug);
      }
    },
  },
  {
    name: "asks at the same time as the victim",
    defence: "a handle of one's own",
    control: listsItself,
    async run({ ask, a, b }) {
      const asked = Array.from({ length: 24 }, async (_, i) => {
        const { api, token, slug } = i % 2 === 0 ? a : b;
        const { status, body } = await ask(api, "GET /v1/customers", { token });
        expect([status, marksIn(body)]).to.deep.equal([200, [slug]]);
      });
      await Promise.all(asked);
    },
  },
];

/** Each field is refused by its name, and nothing is stored. */
const assigned = (
  name: string,
  defence: string,
  send: (world: World, extra: object) => Promise<number>,
  extras: (world: World) => object[],
): Attack => ({
  name,
  defence,
  control: listsItself,
  async run(world) {
    const count = () => world.platform.query(`SELECT count(*)::int FROM tenant_${world.a.id}.customers`);
    const before = await count();
    for (const extra of extras(world)) expect(await send(world, extra), JSON.stringify(extra)).to.equal(422);
    expect(await count()).to.deep.equal(before);
  },
});

const owned = ({ b, rowsOfB }: World): object[] => [
  { id: rowsOfB[0] },
  { created_at: "2000-01-01" },
  { tenant_id: b.id },
  { tenantId: b.id },
  { "customers.id": rowsOfB[0] },
  { schema: `tenant_${b.id}` },
];

const fields: readonly Attack[] = [
  assigned(
    "adds fields to a new customer",
    "strict bodies",
    async ({ ask, a }, extra) =>
      (await ask(a.api, "POST /v1/customers", { token: a.token, body: { name: "Nova", ...extra } })).status,
    owned,
  ),
  assigned(
    "adds fields to a change",
    "strict changes",
    async ({ ask, a, rowsOfA }, extra) =>
      (await ask(a.api, `PATCH /v1/customers/${rowsOfA[0]}`, { token: a.token, body: { ...extra } })).status,
    owned,
  ),
  assigned(
    "adds fields to a query",
    "strict queries",
    async ({ ask, a }, extra) =>
      (
        await ask(a.api, `GET /v1/customers?${new URLSearchParams(extra as Record<string, string>).toString()}`, {
          token: a.token,
        })
      ).status,
    owned,
  ),
  assigned(
    "adds a role to its sign-in",
    "strict sign-ins",
    async ({ ask, a }, extra) =>
      (await ask(a.api, "POST /v1/auth/login", { body: { email: "x@y.z", password: "x", ...extra } })).status,
    ({ b }) => [{ role: "owner" }, { tenantId: b.id }, { sub: "x" }],
  ),
];

const pollution: readonly Attack[] = [
  {
    name: "sends __proto__ and constructor in bodies",
    defence: "strict bodies",
    control: listsItself,
    async run({ ask, a }) {
      const refused = [
        '{"name":"x","__proto__":{"polluted":"yes"}}',
        '{"name":"x","constructor":{"prototype":{"polluted":"yes"}}}',
        '{"__proto__":{"name":"x","polluted":"yes"}}',
      ];
      const dropped = '{"name":"x","metadata":{"__proto__":{"polluted":"yes"}}}';
      for (const rawBody of [...refused, dropped]) {
        const { status, body } = await ask(a.api, "POST /v1/customers", { token: a.token, rawBody });
        expect(status, rawBody).to.equal(rawBody === dropped ? 201 : 422);
        if (rawBody === dropped) expect(Object.entries(body.metadata)).to.deep.equal([]);
        expect(({} as Record<string, unknown>)["polluted"]).to.equal(undefined);
      }
    },
  },
  {
    name: "sends __proto__ and brackets in queries",
    defence: "strict queries",
    control: listsItself,
    async run({ ask, a }) {
      for (const query of [
        "__proto__[polluted]=yes",
        "constructor[prototype][polluted]=yes",
        "search[__proto__][polluted]=yes",
      ]) {
        expect((await ask(a.api, `GET /v1/customers?${query}`, { token: a.token })).status, query).to.equal(422);
        expect(({} as Record<string, unknown>)["polluted"]).to.equal(undefined);
      }
    },
  },
];

export const requestAttacks: readonly Attack[] = [...objects, ...fields, ...pollution];
