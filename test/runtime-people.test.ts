/** A company's people: invited by a link, no more of them than the plan has, and nobody above what they were given. */
import { expect } from "chai";
import pg from "pg";
import { usePlatform } from "./support/platform.ts";
import { openPeople, peoplePassword, type People, type Person } from "./support/people.ts";
import { openCompany, runtimeClient, type Company, type RuntimeAnswer } from "./support/runtime-client.ts";
import { until } from "./support/wait.ts";

describe("people of a company", () => {
  const platform = usePlatform({ runtime: true, workers: true });
  const ask = runtimeClient(platform);
  let acme: Company;
  let people: People;

  before(async () => {
    acme = await openCompany(platform, { plan: "enterprise" });
    people = await openPeople(ask, acme);
  });

  const by = (person: { token: string }, what: string, body?: unknown, at = acme) =>
    ask(at.api, what, { token: person.token, ...(body === undefined ? {} : { body }) });
  const shown = ({ status, body }: RuntimeAnswer) => [status, body.code];
  const statusOf = async (person: { token: string }) => (await by(person, "GET /v1/me")).status;

  it("are invited with a link that is told once, and choose their password themselves", async () => {
    const fields = { name: "Bia", email: "bia@exemplo.com", role: "admin" };
    const made = await by(people.owner, "POST /v1/users", fields);
    expect(made.status).to.equal(201);
    expect(made.body.user).to.deep.include({ ...fields, isActive: true, hasPassword: false, groupId: null });
    expect(new URL(made.body.setupUrl)).to.deep.include({ hostname: acme.chat, pathname: "/setup" });
    const listed = await by(people.owner, "GET /v1/users");
    const token = new URL(made.body.setupUrl).hash.slice(1);
    expect(JSON.stringify(listed.body)).to.include("bia@exemplo.com").and.not.include(token).and.not.match(/hash/);

    const body = { token, password: peoplePassword };
    expect((await ask(acme.chat, "POST /v1/auth/setup", { body })).body.user.role).to.equal("admin");
    expect(shown(await people.post("/v1/auth/setup", body))).to.deep.equal([401, "link-invalid"]);
    expect((await by(people.owner, `GET /v1/users/${made.body.user.id}`)).body.hasPassword).to.equal(true);
  });

  it("have an e-mail address each, and are refused with a pointer at every bad field", async () => {
    const again = await by(people.owner, "POST /v1/users", { name: "Outra", email: people.owner.email.toUpperCase() });
    expect(shown(again)).to.deep.equal([409, "already-exists"]);
    const body = { name: "", email: "x", role: "king", groupId: "1", isActive: true, password: "12345678901" };
    const bad = await by(people.owner, "POST /v1/users", body);
    const pointers = bad.body.errors.map(({ pointer }: { pointer: string }) => pointer);
    expect([...new Set(pointers)]).to.have.members(["/name", "/email", "/role", "/groupId", "/isActive", "/password"]);
    const nowhere = { name: "Sem grupo", email: "sem@exemplo.com", groupId: crypto.randomUUID() };
    expect(shown(await by(people.owner, "POST /v1/users", nowhere))).to.deep.equal([422, "invalid-request"]);
  });

  it("are neither managed nor read without the permission", async () => {
    const member = await people.invite();
    for (const [what, body] of [
      ["GET /v1/users", undefined],
      ["POST /v1/users", { name: "X", email: "x@exemplo.com" }],
      [`PATCH /v1/users/${member.id}`, { role: "owner" }],
      [`DELETE /v1/users/${people.owner.id}`, undefined],
      [`POST /v1/users/${people.owner.id}/password-link`, undefined],
    ] as const)
      expect(shown(await by(member, what, body)), what).to.deep.equal([403, "not-allowed"]);
    expect(await statusOf(people.owner)).to.equal(200);
  });

  it("get no right above the giver's: an admin makes, changes and removes no owner", async () => {
    const [admin, owner] = [await people.invite({ role: "admin" }), await people.invite({ role: "owner" })];
    for (const [what, body] of [
      ["POST /v1/users", { name: "X", email: "y@exemplo.com", role: "owner" }],
      [`PATCH /v1/users/${admin.id}`, { role: "owner" }],
      [`PATCH /v1/users/${owner.id}`, { role: "member" }],
      [`PATCH /v1/users/${owner.id}`, { isActive: false }],
      [`DELETE /v1/users/${owner.id}`, undefined],
      [`POST /v1/users/${owner.id}/password-link`, undefined],
    ] as const)
      expect(shown(await by(admin, what, body)), what).to.deep.equal([403, "not-allowed"]);
    expect((await by(owner, "GET /v1/me")).body.user.role).to.equal("owner");
    expect((await by(admin, "GET /v1/me")).body.user.role).to.equal("admin");
  });

  it("are signed out by a new role or a lock-out, and stay so when it is lifted", async () => {
    const [admin, member] = [await people.invite({ role: "admin" }), await people.invite()];
    await by(people.owner, `PATCH /v1/users/${admin.id}`, { role: "member" });
    expect(await statusOf(admin)).to.equal(401);
    await by(people.owner, `PATCH /v1/users/${member.id}`, { name: "Outro nome" });
    expect(await statusOf(member)).to.equal(200);
    await by(people.owner, `PATCH /v1/users/${member.id}`, { isActive: false });
    expect(await statusOf(member)).to.equal(401);
    await by(people.owner, `PATCH /v1/users/${member.id}`, { isActive: true });
    expect(await statusOf(member)).to.equal(401);
    expect((await member.signIn()).accessToken).to.be.a("string");
  });

  it("get a new password by a link that ends what the old one opened", async () => {
    const member = await people.invite();
    const path = `POST /v1/users/${member.id}/password-link`;
    const [first, second] = [await by(people.owner, path), await by(people.owner, path)];
    expect(await statusOf(member), "until the link is used").to.equal(200);
    const use = ({ body }: RuntimeAnswer) =>
      people.post("/v1/auth/setup", { token: new URL(body.setupUrl).hash.slice(1), password: "uma outra frase longa" });
    expect(shown(await use(first)), "the older of two links").to.deep.equal([401, "link-invalid"]);
    expect((await use(second)).status).to.equal(200);
    expect(await statusOf(member)).to.equal(401);
    const old = { email: member.email, password: peoplePassword };
    expect((await people.post("/v1/auth/login", old)).status).to.equal(401);
    expect(shown(await by(people.owner, `POST /v1/users/${people.owner.id}/password-link`))[0]).to.equal(403);
  });

  it("go, and with them their sessions; what is not there is not found", async () => {
    const member = await people.invite();
    expect((await by(people.owner, `DELETE /v1/users/${member.id}`)).status).to.equal(204);
    expect(await statusOf(member)).to.equal(401);
    for (const id of [member.id, "x", "1%27"])
      expect((await by(people.owner, `DELETE /v1/users/${id}`)).status, id).to.equal(404);
  });

  it("of another company are unknown here", async () => {
    const other = await openCompany(platform);
    const { body } = await by(other, "GET /v1/users", undefined, other);
    const [{ id }] = body.users;
    for (const what of [`GET /v1/users/${id}`, `DELETE /v1/users/${id}`, `POST /v1/users/${id}/password-link`])
      expect((await by(people.owner, what)).status, what).to.equal(404);
  });

  describe("of a small plan", () => {
    let small: Company;
    let owner: Person;
    const invite = (n: number) =>
      by(owner, "POST /v1/users", { name: `Nº ${n}`, email: `n${n}@exemplo.com`, role: "owner" }, small);
    const change = (id: string, body: unknown) => by(owner, `PATCH /v1/users/${id}`, body, small);

    before(async () => {
      small = await openCompany(platform, { plan: "basic" });
      ({ owner } = await openPeople(ask, small));
    });

    it("are as many as it allows, also when the last places are asked for at once", async () => {
      const answers = await Promise.all([1, 2, 3, 4, 5, 6].map(invite));
      expect(answers.filter(({ status }) => status === 201)).to.have.length(2);
      const refused = answers.filter(({ status }) => status !== 201).map(shown);
      expect(refused).to.deep.equal(Array.from({ length: 4 }, () => [403, "plan-limit-reached"]));
      expect((await by(owner, "GET /v1/users", undefined, small)).body.users).to.have.length(3);
    });

    it("make room by being locked out, and come back only where there is room", async () => {
      const { users } = (await by(owner, "GET /v1/users", undefined, small)).body;
      const one = users.find(({ id }: { id: string }) => id !== owner.id);
      expect((await change(one.id, { isActive: false })).status).to.equal(200);
      expect((await invite(7)).status).to.equal(201);
      expect(shown(await change(one.id, { isActive: true }))).to.deep.equal([403, "plan-limit-reached"]);
    });

    it("may be more as soon as the plan is a larger one", async () => {
      expect(shown(await invite(8))).to.deep.equal([403, "plan-limit-reached"]);
      await platform.query(
        "UPDATE subscriptions SET plan_id = (SELECT id FROM plans WHERE code = 'premium') WHERE company_id = $1",
        [small.id],
      );
      await until(
        () => invite(8),
        ({ status }) => status === 201,
        { what: "the larger plan" },
      );
    });
  });

  /** Both requests have begun before either may change a person. */
  async function meetAt(company: Company, send: () => Promise<RuntimeAnswer>[]): Promise<RuntimeAnswer[]> {
    const gate = new pg.Client({ connectionString: platform.databaseUrl });
    await gate.connect();
    try {
      await gate.query(`BEGIN; SELECT 1 FROM tenant_${company.id}.users FOR UPDATE`);
      const sent = send();
      const waiting = `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
      await until(
        () => platform.query(waiting),
        ({ length }) => length === sent.length,
        { what: "the meeting" },
      );
      await gate.query("COMMIT");
      return await Promise.all(sent);
    } finally {
      await gate.end();
    }
  }

  it("always have an owner among them, even when two owners remove each other at once", async () => {
    const company = await openCompany(platform, { plan: "premium" });
    const crew = await openPeople(ask, company);
    const alone = await by(crew.owner, `PATCH /v1/users/${crew.owner.id}`, { role: "admin" }, company);
    expect(shown(alone)).to.deep.equal([409, "state-conflict"]);
    expect(shown(await by(crew.owner, `DELETE /v1/users/${crew.owner.id}`, undefined, company))[0]).to.equal(409);

    const owners = [crew.owner, await crew.invite({ role: "owner" })] as const;
    const answers = await meetAt(company, () => [
      by(owners[0], `PATCH /v1/users/${owners[1].id}`, { role: "member" }, company),
      by(owners[1], `DELETE /v1/users/${owners[0].id}`, undefined, company),
    ]);
    expect(answers.filter(({ status }) => status < 300)).to.have.length(1);
    const [left] = await platform.query(
      `SELECT count(*)::int AS n FROM tenant_${company.id}.users WHERE role = 'owner' AND is_active`,
    );
    expect(left).to.deep.equal({ n: 1 });
  });
});
