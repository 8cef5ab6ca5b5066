/** Who is let into a company: tokens, the owner's set-up link, sessions. */
import { createHmac } from "node:crypto";
import { expect } from "chai";
import jwt, { type JwtPayload } from "jsonwebtoken";
import { tenantAudience } from "../core/tenant.ts";
import { loadSigningKeys, rotateSigningKey } from "../core/signing-keys.ts";
import { createTokenService, type Claims } from "../core/tokens.ts";
import { usePlatform } from "./support/platform.ts";
import { openCompany, runtimeClient, type Company } from "./support/runtime-client.ts";
import { until } from "./support/wait.ts";

describe("access to a company", () => {
  const platform = usePlatform({ runtime: true, workers: true });
  const ask = runtimeClient(platform);
  const password = "uma frase que só a Ana sabe";
  let acme: Company;
  let other: Company;

  before(async () => {
    [acme, other] = await Promise.all([
      openCompany(platform, { owner: { name: "Ana", email: "ana@acme.com" } }),
      openCompany(platform),
    ]);
  });

  const me = (token: string, host = acme.api) => ask(host, "GET /v1/me", { token });
  const post = (path: string, body: unknown, host = acme.api) => ask(host, `POST /v1/auth/${path}`, { body });
  const logIn = async () => (await post("login", { email: "ana@acme.com", password })).body;

  it("accepts the initial token on the company's own api host", async () => {
    const answer = await me(acme.token);
    expect(answer.status).to.equal(200);
    expect(answer.body.user).to.deep.include({ name: "Ana", email: "ana@acme.com", role: "owner" });
    expect(answer.body.tenant).to.deep.include({ id: acme.id, uuid: acme.uuid, slug: acme.slug });
  });

  it("takes tokens of a new key without a restart, and those of the key before", async () => {
    const { db, secrets } = platform.ctx;
    await rotateSigningKey(db, secrets, "tenant");
    const { exp: _exp, jti: _jti, aud: _aud, iat: _iat, iss: _iss, ...own } = jwt.decode(acme.token) as JwtPayload;
    const renewed = createTokenService(await loadSigningKeys(db, secrets, "tenant"));
    const { token } = renewed.sign(own as unknown as Claims, tenantAudience(acme.uuid), 600);
    await until(
      () => me(token),
      ({ status }) => status === 200,
      { what: "the new key" },
    );
    expect((await me(acme.token)).status).to.equal(200);
  });

  it("refuses the initial token everywhere else", async () => {
    const elsewhere = await me(acme.token, other.api);
    expect([elsewhere.status, elsewhere.body.code]).to.deep.equal([403, "tenant-mismatch"]);
    const onPlatform = await platform.api.request("GET", "/api/tenants", {
      anonymous: true,
      headers: { Authorization: `Bearer ${acme.token}` },
    });
    expect([onPlatform.status, onPlatform.body.code]).to.deep.equal([401, "token-invalid"]);
  });

  it("refuses the platform's own admin", async () => {
    const answer = await me(platform.api.token);
    expect([answer.status, answer.body.code]).to.deep.equal([401, "token-invalid"]);
  });

  it("asks for a token where none is sent", async () => {
    for (const headers of [{}, { Authorization: "Basic YTpi" }, { Authorization: "Bearer" }]) {
      const answer = await ask(acme.api, "GET /v1/me", { headers });
      expect([answer.status, answer.body.code]).to.deep.equal([401, "not-authenticated"]);
      expect(answer.headers["www-authenticate"]).to.equal("Bearer");
    }
  });

  it("refuses tokens that are forged, altered or too old", async () => {
    const [signing] = await loadSigningKeys(platform.ctx.db, platform.ctx.secrets, "tenant");
    const { kid, publicKey } = signing!;
    const claims = jwt.decode(acme.token) as unknown as Claims & { aud: string };
    const [header, payload, signature] = acme.token.split(".") as [string, string, string];
    const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString("base64url");
    const unsigned = (alg: string) => `${encode({ alg, typ: "JWT", kid })}.${payload}`;
    const byHmac = (text: string) => createHmac("sha256", publicKey).update(text).digest("base64url");
    const {
      exp: _exp,
      jti: _jti,
      aud: _aud,
      iat: _iat,
      iss: _iss,
      ...own
    } = claims as unknown as Record<string, unknown>;
    const sign = (tokens: typeof platform.ctx.tenantTokens, changes: object, seconds = 600) =>
      tokens.sign({ ...own, ...changes } as unknown as Claims, tenantAudience(acme.uuid), seconds).token;
    const { tenantTokens, platformTokens } = platform.ctx;

    expect((await me(sign(tenantTokens, {}))).status, "a token made like this, but good").to.equal(200);
    const forged: Record<string, string> = {
      "alg none": `${unsigned("none")}.`,
      "alg none, signature kept": `${unsigned("none")}.${signature}`,
      "alg HS256 with the public key": `${unsigned("HS256")}.${byHmac(unsigned("HS256"))}`,
      "another role": `${header}.${encode({ ...claims, role: "admin" })}.${signature}`,
      "a cut signature": `${header}.${payload}.${signature.slice(0, -8)}`,
      "an unknown key": `${encode({ alg: "ES256", typ: "JWT", kid: crypto.randomUUID() })}.${payload}.${signature}`,
      "too old": sign(tenantTokens, {}, -5),
      "the platform's key": sign(platformTokens, {}),
      "another type": sign(tenantTokens, { type: "refresh" }),
      "no such session": sign(tenantTokens, { sid: crypto.randomUUID() }),
      "another user's session": sign(tenantTokens, { sub: crypto.randomUUID() }),
      "no token at all": "abc",
    };
    for (const [what, token] of Object.entries(forged)) {
      const answer = await me(token);
      expect([answer.status, answer.body.code], what).to.deep.equal([401, "token-invalid"]);
    }
  });

  it("lets the set-up link set the owner's password, once", async () => {
    const token = new URL(acme.setupUrl).hash.slice(1);
    const short = await post("setup", { token, password: "curta" });
    expect([short.status, short.body.errors[0].pointer]).to.deep.equal([422, "/password"]);
    const elsewhere = await post("setup", { token, password }, other.api);
    expect([elsewhere.status, elsewhere.body.code]).to.deep.equal([401, "link-invalid"]);

    const set = await post("setup", { token, password });
    expect(set.status).to.equal(200);
    expect(set.body.user).to.deep.include({ email: "ana@acme.com", role: "owner" });
    expect((await me(set.body.accessToken)).status).to.equal(200);
    const again = await post("setup", { token, password: "outra frase bem longa" });
    expect([again.status, again.body.code]).to.deep.equal([401, "link-invalid"]);
    expect((await post("login", { email: "Ana@Acme.com", password })).status).to.equal(200);
  });

  it("gives a set-up link sent twice at once to one of the two", async () => {
    const token = new URL(other.setupUrl).hash.slice(1);
    const answers = await Promise.all(
      [1, 2].map((n) => post("setup", { token, password: `${password} ${n}` }, other.api)),
    );
    expect(answers.map(({ status }) => status)).to.have.members([200, 401]);
  });

  it("answers a wrong password and an unknown e-mail alike", async () => {
    const wrong = await post("login", { email: "ana@acme.com", password: "errada errada" });
    const unknown = await post("login", { email: "ninguem@acme.com", password: "errada errada" });
    const elsewhere = await post("login", { email: "ana@acme.com", password }, other.api);
    const shown = [wrong, unknown, elsewhere].map(({ status, body }) => ({
      status,
      body: { ...body, correlationId: undefined },
    }));
    expect(shown[0]).to.deep.include({ status: 401 });
    expect(shown[0]?.body.code).to.equal("invalid-credentials");
    expect(shown[1]).to.deep.equal(shown[0]);
    expect(shown[2]).to.deep.equal(shown[0]);
  });

  it("takes each refresh token once; one that comes back ends the session", async () => {
    const first = await logIn();
    const second = await post("refresh", { refreshToken: first.refreshToken });
    expect(second.status).to.equal(200);
    expect(second.body.refreshToken).not.to.equal(first.refreshToken);
    expect((await me(second.body.accessToken)).status).to.equal(200);

    const reused = await post("refresh", { refreshToken: first.refreshToken });
    expect([reused.status, reused.body.code]).to.deep.equal([401, "token-invalid"]);
    expect((await post("refresh", { refreshToken: second.body.refreshToken })).status).to.equal(401);
    for (const token of [first.accessToken, second.body.accessToken]) expect((await me(token)).status).to.equal(401);
  });

  it("takes no refresh token of another company, which stays good at home", async () => {
    const { refreshToken } = await logIn();
    expect((await post("refresh", { refreshToken }, other.api)).status).to.equal(401);
    expect((await post("refresh", { refreshToken })).status).to.equal(200);
  });

  it("ends the session that logs out, and no other", async () => {
    const [leaving, staying] = [await logIn(), await logIn()];
    expect((await ask(acme.api, "POST /v1/auth/logout", { token: leaving.accessToken })).status).to.equal(204);
    const after = await me(leaving.accessToken);
    expect([after.status, after.body.code]).to.deep.equal([401, "token-invalid"]);
    expect((await post("refresh", { refreshToken: leaving.refreshToken })).status).to.equal(401);
    expect((await me(staying.accessToken)).status).to.equal(200);
  });

  it("refuses people that the company has locked out", async () => {
    const { accessToken } = await logIn();
    const setActive = (active: boolean) =>
      platform.query(`UPDATE tenant_${acme.id}.users SET is_active = $1`, [active]);
    await setActive(false);
    expect((await me(accessToken)).status).to.equal(401);
    expect((await post("login", { email: "ana@acme.com", password })).body.code).to.equal("invalid-credentials");
    await setActive(true);
    expect((await me(accessToken)).status).to.equal(200);
  });
});
