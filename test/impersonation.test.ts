/** The platform's support looks into a company: by a way in that works once, audited, and seen by the company. */
import { expect } from "chai";
import { impersonationKey } from "../core/tenant.ts";
import { sha256Hex } from "../core/secrets.ts";
import { adminEmail, usePlatform } from "./support/platform.ts";
import { openPeople, type People } from "./support/people.ts";
import { openCompany, runtimeClient, type Company, type RuntimeAnswer } from "./support/runtime-client.ts";

describe("support that looks into a company", () => {
  const platform = usePlatform({ runtime: true, workers: true });
  const ask = runtimeClient(platform);
  const reason = "Chamado 4711: pedidos não aparecem";
  let acme: Company;
  let other: Company;
  let people: People;

  before(async () => {
    [acme, other] = await Promise.all([
      openCompany(platform, { plan: "premium", owner: { name: "Ana", email: "ana@acme.com" } }),
      openCompany(platform),
    ]);
    people = await openPeople(ask, acme);
  });

  const grant = async (): Promise<string> => {
    const { status, body } = await platform.api.post(`/api/tenants/${acme.id}/impersonate`, { reason });
    expect(status, JSON.stringify(body)).to.equal(201);
    return new URL(body.url).hash.slice(1);
  };
  const enter = (token: string, host = acme.chat) => ask(host, "POST /v1/auth/impersonate", { body: { token } });
  const visit = async (): Promise<string> => (await enter(await grant())).body.accessToken;
  const by = (token: string, what: string, body?: unknown) =>
    ask(acme.api, what, { token, ...(body === undefined ? {} : { body }) });
  const shown = ({ status, body }: RuntimeAnswer) => [status, body.code];

  it("is granted a way in for a minute, for a reason, and audited before it is told", async () => {
    const address = `/api/tenants/${acme.slug}/impersonate`;
    for (const body of [{}, { reason: "  " }, { reason, as: "owner" }])
      expect((await platform.api.post(address, body)).status).to.equal(422);
    const { body, headers } = await platform.api.post(address, { reason });
    const url = new URL(body.url);
    expect([url.hostname, url.pathname, url.search]).to.deep.equal([acme.chat, "/impersonate", ""]);
    expect(headers.get("cache-control")).to.equal("no-store");

    const secret = url.hash.slice(1);
    const key = impersonationKey(acme.id, sha256Hex(secret));
    expect(await platform.ctx.redis.ttl(key)).to.be.within(1, 60);
    const [row] = await platform.query(
      "SELECT actor, company_id, data FROM audit_log WHERE action = 'tenant.impersonation-granted' ORDER BY id DESC LIMIT 1",
    );
    expect(row).to.deep.include({ company_id: String(acme.id) });
    expect(row?.["data"]).to.deep.equal({ slug: acme.slug, reason });
    expect(JSON.stringify([row, await platform.ctx.redis.get(key)])).not.to.include(secret);
  });

  it("is not granted to viewers, nor into a company that is not served", async () => {
    const viewer = await platform.query<{ id: number }>("UPDATE users SET role = 'viewer' RETURNING id");
    const refused = await platform.api.post(`/api/tenants/${acme.id}/impersonate`, { reason });
    await platform.query("UPDATE users SET role = 'admin' WHERE id = $1", [viewer[0]?.id]);
    expect([refused.status, refused.body.code]).to.deep.equal([403, "not-allowed"]);
    await platform.api.post(`/api/tenants/${other.id}/suspend`);
    const suspended = await platform.api.post(`/api/tenants/${other.id}/impersonate`, { reason });
    expect([suspended.status, suspended.body.code]).to.deep.equal([409, "state-conflict"]);
    await platform.api.post(`/api/tenants/${other.id}/resume`);
  });

  it("comes in once, though two try at once, and at no other company", async () => {
    const [stolen, raced] = [await grant(), await grant()];
    expect(shown(await enter("unknown"))).to.deep.equal([401, "link-invalid"]);
    const elsewhere = await enter(stolen, other.chat);
    expect(elsewhere.status).to.be.oneOf([401, 403]);
    const answers = await Promise.all([enter(raced), enter(raced, acme.api), enter(raced)]);
    expect(answers.map(({ status }) => status)).to.have.members([200, 401, 401]);
  });

  it("does not come in when its minute is over", async () => {
    const secret = await grant();
    await platform.ctx.redis.pexpire(impersonationKey(acme.id, sha256Hex(secret)), 0);
    expect(shown(await enter(secret))).to.deep.equal([401, "link-invalid"]);
  });

  it("sees what an owner sees, as no user of the company, and cannot stay", async () => {
    const { body } = await enter(await grant());
    expect(body).to.have.all.keys("accessToken", "expiresIn", "impersonatedBy");
    expect(body.expiresIn).to.equal(900);
    const me = (await by(body.accessToken, "GET /v1/me")).body;
    expect(me.impersonatedBy).to.deep.include({ who: adminEmail, reason });
    expect(me.user).to.deep.include({ role: "owner", email: adminEmail, stores: "all" });
    expect((await by(people.owner.token, "GET /v1/me")).body).not.to.have.property("impersonatedBy");
    expect((await by(body.accessToken, "GET /v1/customers")).status).to.equal(200);
    const { users } = (await by(body.accessToken, "GET /v1/users")).body;
    expect(users.map(({ email }: { email: string }) => email)).not.to.include(adminEmail);
    expect(users.find(({ id }: { id: string }) => id === me.user.id)).to.equal(undefined);
  });

  it("changes no rights, passwords or sessions: nothing of the visit outlives it", async () => {
    const token = await visit();
    const bia = await people.invite();
    const { sessions } = (await by(bia.token, "GET /v1/sessions")).body;
    for (const [what, body] of [
      ["POST /v1/users", { name: "X", email: "x@exemplo.com" }],
      [`PATCH /v1/users/${bia.id}`, { role: "admin" }],
      [`POST /v1/users/${bia.id}/password-link`, undefined],
      [`DELETE /v1/users/${bia.id}`, undefined],
      ["POST /v1/groups", { name: "X", permissions: [] }],
    ] as const)
      expect(shown(await by(token, what, body)), what).to.deep.equal([403, "not-allowed"]);
    expect((await by(token, `DELETE /v1/sessions/${sessions[0].id}`)).status).to.equal(404);
    expect((await by(bia.token, "GET /v1/me")).status).to.equal(200);
  });

  it("is in the owner's list with who and why, can be thrown out, and stays listed", async () => {
    const token = await visit();
    const { id } = (await by(token, "GET /v1/me")).body.user;
    const listed = async () =>
      (await by(people.owner.token, "GET /v1/sessions")).body.support.find((row: { id: string }) => row.id === id);
    expect(await listed()).to.deep.include({
      kind: "impersonation",
      impersonatedBy: adminEmail,
      reason,
      endedAt: null,
    });
    const member = await people.invite();
    expect((await by(member.token, "GET /v1/sessions")).body).not.to.have.property("support");

    expect((await by(people.owner.token, `DELETE /v1/sessions/${id}`)).status).to.equal(204);
    expect(shown(await by(token, "GET /v1/me"))).to.deep.equal([401, "token-invalid"]);
    expect(await listed()).to.deep.include({ impersonatedBy: adminEmail, reason });
    expect((await listed()).endedAt).to.be.a("string");
  });
});
