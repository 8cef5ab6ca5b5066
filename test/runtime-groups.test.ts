/** Groups: what a company's members may do and in which stores, looked up on every request; nobody writes their own rights. */
import { expect } from "chai";
import { usePlatform } from "./support/platform.ts";
import { openPeople, type People } from "./support/people.ts";
import { openCompany, runtimeClient, type Company, type RuntimeAnswer } from "./support/runtime-client.ts";
import { until } from "./support/wait.ts";

describe("groups of a company", () => {
  const platform = usePlatform({ runtime: true, workers: true });
  const ask = runtimeClient(platform);
  let acme: Company;
  let people: People;
  let stores: string[];
  let groups = 0;

  before(async () => {
    acme = await openCompany(platform, { plan: "enterprise" });
    people = await openPeople(ask, acme);
    const rows = await platform.query<{ id: string }>(
      `INSERT INTO tenant_${acme.id}.stores (slug, name) VALUES ('centro', 'Centro'), ('norte', 'Norte') RETURNING id`,
    );
    stores = rows.map(({ id }) => id).toSorted();
  });

  const by = (person: { token: string }, what: string, body?: unknown) =>
    ask(acme.api, what, { token: person.token, ...(body === undefined ? {} : { body }) });
  const shown = ({ status, body }: RuntimeAnswer) => [status, body.code];
  const group = async (permissions: string[], fields: object = {}): Promise<string> => {
    groups += 1;
    const made = await by(people.owner, "POST /v1/groups", { name: `Grupo ${groups}`, permissions, ...fields });
    expect(made.status, JSON.stringify(made.body)).to.equal(201);
    return made.body.id;
  };
  const inGroup = async (permissions: string[], fields?: object) =>
    people.invite({ groupId: await group(permissions, fields) });
  const me = async (person: { token: string }) => (await by(person, "GET /v1/me")).body.user;

  it("grant what they name and nothing else", async () => {
    const [reader, writer, nobody] = [
      await inGroup(["customers:read"]),
      await inGroup(["customers:read", "customers:write"]),
      await people.invite(),
    ];
    const attempt = async (person: { token: string }) => [
      (await by(person, "GET /v1/customers")).status,
      (await by(person, "POST /v1/customers", { name: "Cliente" })).status,
    ];
    expect(await attempt(reader)).to.deep.equal([200, 403]);
    expect(await attempt(writer)).to.deep.equal([200, 201]);
    expect(await attempt(nobody), "a member without a group").to.deep.equal([403, 403]);
    expect(await attempt(people.owner)).to.deep.equal([200, 201]);
    const refused = await by(reader, "DELETE /v1/customers/" + crypto.randomUUID());
    expect([...shown(refused), /customers:write/.test(refused.body.detail)]).to.deep.equal([403, "not-allowed", true]);
  });

  it("act at the next request when they change, and grant nothing when they are gone", async () => {
    const groupId = await group([]);
    const member = await people.invite({ groupId });
    const mayRead = async () => (await by(member, "GET /v1/customers")).status === 200;
    expect(await mayRead()).to.equal(false);
    await by(people.owner, `PATCH /v1/groups/${groupId}`, { permissions: ["customers:read"] });
    expect(await mayRead()).to.equal(true);
    expect((await by(people.owner, `DELETE /v1/groups/${groupId}`)).status).to.equal(204);
    expect(await mayRead()).to.equal(false);
    expect(await me(member)).to.deep.include({ permissions: [], stores: [] });
  });

  it("reach the stores that they name, or all", async () => {
    const first = stores[0]!;
    const [one, all] = [await inGroup([], { stores: [first, first] }), await inGroup([])];
    expect((await me(one)).stores).to.deep.equal([first]);
    expect((await me(all)).stores).to.equal("all");
    expect((await me(people.owner)).stores).to.equal("all");
    const groupId = await group([], { stores: [] });
    const changed = await by(people.owner, `PATCH /v1/groups/${groupId}`, { stores });
    expect(changed.body.stores).to.deep.equal(stores);
    const wide = await by(people.owner, `PATCH /v1/groups/${groupId}`, { stores: "all" });
    expect(wide.body.stores).to.equal("all");
    const strange = await by(people.owner, "POST /v1/groups", { name: "X", permissions: [], stores: [acme.uuid] });
    expect([...shown(strange), strange.body.errors[0].pointer]).to.deep.equal([422, "invalid-request", "/stores"]);
  });

  it("know a closed list of permissions, and have a name each", async () => {
    const { body } = await by(people.owner, "GET /v1/groups");
    expect(body.permissions).to.include.members(["customers:read", "orders:write", "people:manage"]);
    const made = await by(people.owner, "POST /v1/groups", { name: "Erros", permissions: ["customers:*"] });
    expect([made.status, made.body.errors[0].pointer]).to.deep.equal([422, "/permissions/0"]);
    await group([], { name: "Balcão" });
    const again = await by(people.owner, "POST /v1/groups", { name: "BALCÃO", permissions: [] });
    expect(shown(again)).to.deep.equal([409, "already-exists"]);
  });

  describe("whose members manage people", () => {
    it("give others no more than they have themselves", async () => {
      const manager = await inGroup(["people:read", "people:manage", "customers:read"], { stores: [stores[0]] });
      const [less, more, wider] = [
        await group(["customers:read"], { stores: [stores[0]] }),
        await group(["customers:write"], { stores: [stores[0]] }),
        await group(["customers:read"]),
      ];
      const invite = (groupId: string, role = "member") =>
        by(manager, "POST /v1/users", { name: "X", email: `${groupId}-${role}@exemplo.com`, groupId, role });
      expect((await invite(less)).status).to.equal(201);
      expect(shown(await invite(more))).to.deep.equal([403, "not-allowed"]);
      expect(shown(await invite(wider))).to.deep.equal([403, "not-allowed"]);
      expect(shown(await invite(less, "admin"))).to.deep.equal([403, "not-allowed"]);
    });

    it("do not take over who may do more, and change no group and not their own", async () => {
      const manager = await inGroup(["people:read", "people:manage"]);
      const stronger = await inGroup(["finance:write"]);
      const own = (await by(people.owner, `GET /v1/users/${manager.id}`)).body.groupId;
      for (const [what, body] of [
        [`POST /v1/users/${stronger.id}/password-link`, undefined],
        [`PATCH /v1/users/${stronger.id}`, { isActive: false }],
        [`PATCH /v1/users/${manager.id}`, { groupId: await group(["people:read"]) }],
        [`PATCH /v1/users/${manager.id}`, { role: "admin" }],
        [`PATCH /v1/groups/${own}`, { permissions: ["people:read", "people:manage", "finance:write"] }],
        ["POST /v1/groups", { name: "Meu", permissions: ["finance:write"] }],
        [`DELETE /v1/groups/${own}`, undefined],
      ] as const)
        expect(shown(await by(manager, what, body)), what).to.deep.equal([403, "not-allowed"]);
      expect((await by(manager, `PATCH /v1/users/${manager.id}`, { name: "Novo nome" })).status).to.equal(200);
    });
  });

  it("matter only where the plan has the module", async () => {
    const writer = await inGroup(["customers:read"]);
    await platform.query("DELETE FROM tenant_modules WHERE company_id = $1 AND module_code IN ('crm', 'chat')", [
      acme.id,
    ]);
    const gone = ({ status }: RuntimeAnswer) => status === 403;
    await until(() => by(writer, "GET /v1/customers"), gone, { what: "the gate" });
    for (const person of [writer, people.owner])
      expect(shown(await by(person, "GET /v1/customers"))).to.deep.equal([403, "module-not-in-plan"]);
    expect(shown(await ask(acme.chat, "GET /messages"))).to.deep.equal([403, "module-not-in-plan"]);
    expect((await ask(acme.chat, "GET /setup", { headers: { Accept: "text/html" } })).status).to.equal(200);
    await platform.query("INSERT INTO tenant_modules (company_id, module_code) VALUES ($1, 'crm'), ($1, 'chat')", [
      acme.id,
    ]);
    const back = ({ status }: RuntimeAnswer) => status === 200;
    await until(() => by(writer, "GET /v1/customers"), back, { what: "the module" });
    await until(() => ask(acme.chat, "GET /messages"), back, { what: "the chat" });
  });
});
