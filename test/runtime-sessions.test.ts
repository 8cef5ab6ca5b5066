/** Where somebody is signed in at a company: listed, ended one by one or all but one, and over at the very next request. */
import { expect } from "chai";
import { usePlatform } from "./support/platform.ts";
import { openPeople, type People } from "./support/people.ts";
import { openCompany, runtimeClient, type Company } from "./support/runtime-client.ts";

describe("sessions of a company's people", () => {
  const platform = usePlatform({ runtime: true, workers: true });
  const ask = runtimeClient(platform);
  let acme: Company;
  let other: Company;
  let people: People;

  before(async () => {
    [acme, other] = await Promise.all([openCompany(platform, { plan: "premium" }), openCompany(platform)]);
    people = await openPeople(ask, acme);
  });

  const sessionsOf = async (token: string, query = "") => {
    const { status, body } = await ask(acme.api, `GET /v1/sessions${query}`, { token });
    expect(status).to.equal(200);
    return body.sessions as { id: string; isCurrent: boolean; userId: string }[];
  };
  const current = async (token: string) => (await sessionsOf(token)).find(({ isCurrent }) => isCurrent)!.id;
  const end = async (token: string, id: string) => (await ask(acme.api, `DELETE /v1/sessions/${id}`, { token })).status;
  const statusOf = async (token: string) => (await ask(acme.api, "GET /v1/me", { token })).status;

  it("are listed with the one that asks marked, and only one's own", async () => {
    const bia = await people.invite({ role: "member" });
    const second = await bia.signIn();
    const listed = await sessionsOf(second.accessToken);
    expect(listed.map(({ isCurrent }) => isCurrent)).to.deep.equal([true, false]);
    expect(new Set(listed.map(({ userId }) => userId))).to.deep.equal(new Set([bia.id]));
    expect(JSON.stringify(listed)).not.to.match(/hash|refresh/i);
  });

  it("end at the next request, for the access token and the refresh token", async () => {
    const bia = await people.invite({ role: "member" });
    const gone = await bia.signIn();
    expect(await end(bia.token, await current(gone.accessToken))).to.equal(204);
    expect(await statusOf(gone.accessToken)).to.equal(401);
    const body = { refreshToken: gone.refreshToken };
    expect((await ask(acme.api, "POST /v1/auth/refresh", { body })).status).to.equal(401);
    expect(await statusOf(bia.token)).to.equal(200);
  });

  it("end together, all but the one that asks", async () => {
    const bia = await people.invite({ role: "member" });
    const more = [await bia.signIn(), await bia.signIn()];
    const { body } = await ask(acme.api, "DELETE /v1/sessions", { token: bia.token });
    expect(body).to.deep.equal({ ended: 2 });
    for (const { accessToken } of more) expect(await statusOf(accessToken)).to.equal(401);
    expect(await statusOf(bia.token)).to.equal(200);
    expect(await statusOf(people.owner.token)).to.equal(200);
  });

  it("of others are seen and ended by owners and admins only, and an owner's by owners", async () => {
    const [bia, caio, admin] = [
      await people.invite({ role: "member" }),
      await people.invite({ role: "member" }),
      await people.invite({ role: "admin" }),
    ];
    const [ofBia, ofOwner] = [await current(bia.token), await current(people.owner.token)];
    const peek = await ask(acme.api, `GET /v1/sessions?user=${bia.id}`, { token: caio.token });
    expect([peek.status, peek.body.code]).to.deep.equal([403, "not-allowed"]);
    expect(await end(caio.token, ofBia)).to.equal(404);
    expect(await end(admin.token, ofOwner)).to.equal(404);
    expect(await statusOf(bia.token)).to.equal(200);

    expect((await sessionsOf(admin.token, `?user=${bia.id}`)).map(({ id }) => id)).to.deep.equal([ofBia]);
    expect(await end(admin.token, ofBia)).to.equal(204);
    expect(await statusOf(bia.token)).to.equal(401);
    expect(await end(admin.token, ofBia), "a second time").to.equal(404);
  });

  it("of another company are not there, whatever id is asked for", async () => {
    const theirs = await ask(other.api, "GET /v1/sessions", { token: other.token });
    const [{ id }] = theirs.body.sessions;
    expect(await end(people.owner.token, id)).to.equal(404);
    expect(await end(people.owner.token, "1 OR 1=1".replaceAll(" ", "+"))).to.equal(404);
    expect((await ask(other.api, "GET /v1/me", { token: other.token })).status).to.equal(200);
  });
});
