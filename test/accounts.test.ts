import { expect } from "chai";
import { createFirstAdmin, issueFirstAdminLink } from "../control-plane/accounts/first-admin.ts";
import { hashPassword } from "../core/passwords.ts";
import { randomToken, sha256Hex } from "../core/secrets.ts";
import { createApiClient, newCompany } from "./support/api-client.ts";
import { adminEmail, adminPassword, usePlatform } from "./support/platform.ts";
import { respondAsync } from "./support/tenant.ts";

describe("accounts of the platform", () => {
  const platform = usePlatform();
  const post = (path: string, body: unknown, token?: string) =>
    platform.api.request("POST", path, {
      body,
      anonymous: true,
      ...(token ? { headers: { Authorization: `Bearer ${token}` } } : {}),
    });
  const logIn = async () => (await post("/api/auth/login", { email: adminEmail, password: adminPassword })).body;

  it("a viewer reads, an operator changes, an admin removes", async () => {
    const password = "senha de teste";
    const hash = await hashPassword(password);
    const clients = new Map<string, Awaited<ReturnType<typeof createApiClient>>>();
    for (const role of ["viewer", "operator"]) {
      await platform.query("INSERT INTO users (email, name, password_hash, role) VALUES ($1, $2, $3, $2)", [
        `${role}@example.com`,
        role,
        hash,
      ]);
      clients.set(role, await createApiClient(platform.api.url, { email: `${role}@example.com`, password }));
    }
    const { path } = await platform.createTenant({}, respondAsync);
    const viewer = clients.get("viewer");
    const operator = clients.get("operator");
    expect((await viewer?.get(path))?.status).to.equal(200);
    expect((await viewer?.post("/api/tenants/provision", newCompany()))?.body.code).to.equal("not-allowed");
    expect((await viewer?.post(`${path}/suspend`))?.body.code).to.equal("not-allowed");
    expect((await operator?.post(`${path}/retry`))?.status).to.equal(202);
    expect((await operator?.purge(path))?.body.code).to.equal("not-allowed");
    expect((await operator?.get("/api/audit"))?.body.code).to.equal("not-allowed");
    expect((await viewer?.post("/api/auth/logout"))?.status).to.equal(204);
    expect((await platform.api.purge(path)).status).to.equal(202);
  });

  it("a refresh token is good once, and any used one, however old, ends the session", async () => {
    const first = await logIn();
    const second = (await post("/api/auth/refresh", { refreshToken: first.refreshToken })).body;
    const third = (await post("/api/auth/refresh", { refreshToken: second.refreshToken })).body;
    expect(
      (
        await platform.api.request("GET", "/api/plans", {
          anonymous: true,
          headers: { Authorization: `Bearer ${third.accessToken}` },
        })
      ).status,
    ).to.equal(200);
    expect((await post("/api/auth/refresh", { refreshToken: first.refreshToken })).body.code).to.equal("token-invalid");
    expect((await post("/api/auth/refresh", { refreshToken: third.refreshToken })).body.code).to.equal("token-invalid");
    const ended = await platform.api.request("GET", "/api/plans", {
      anonymous: true,
      headers: { Authorization: `Bearer ${third.accessToken}` },
    });
    expect(ended.status).to.equal(401);
  });

  it("logging out ends the access token too", async () => {
    const { accessToken } = await logIn();
    expect((await post("/api/auth/logout", {}, accessToken)).status).to.equal(204);
    expect((await post("/api/auth/logout", {}, accessToken)).status).to.equal(401);
  });

  it("sign-ins, refusals and session ends are audited, without what was typed", async () => {
    const newest = async () =>
      (await platform.query<{ id: number }>("SELECT coalesce(max(id), 0)::int AS id FROM audit_log"))[0]?.id;
    const from = await newest();
    await post("/api/auth/login", { email: adminEmail, password: "segredo-errado" });
    await post("/api/auth/login", { email: "ninguem@example.com", password: "segredo-errado" });
    const { accessToken } = await logIn();
    await post("/api/auth/logout", {}, accessToken);
    const { refreshToken } = await logIn();
    await post("/api/auth/refresh", { refreshToken });
    await post("/api/auth/refresh", { refreshToken });
    const rows = await platform.query<{ actor: string; action: string; line: string }>(
      "SELECT actor, action, to_jsonb(a)::text AS line FROM audit_log a WHERE id > $1 AND action LIKE 'session.%' ORDER BY id",
      [from],
    );
    expect(rows.map(({ actor, action }) => [actor, action])).to.deep.equal([
      ["user:1", "session.refused"],
      ["anonymous", "session.refused"],
      ["user:1", "session.created"],
      ["user:1", "session.ended"],
      ["user:1", "session.created"],
      ["user:1", "session.token-reused"],
    ]);
    expect(JSON.stringify(rows)).not.to.include("segredo").and.not.include("ninguem");
  });

  it("the first admin's link is invalid once there is an admin, however it was made", async () => {
    const token = randomToken();
    const remember = () =>
      platform.query(
        "INSERT INTO one_time_tokens (purpose, token_hash, expires_at) VALUES ('first_admin', $1, now() + interval '1 day')",
        [sha256Hex(token)],
      );
    await remember();
    const second = { email: "segunda@example.com", name: "Segunda", password: "outra senha longa" };
    expect((await post("/api/auth/setup", { token, ...second })).body.code).to.equal("link-invalid");
    const refusal = await createFirstAdmin(platform.ctx, token, second).catch((error: { code: string }) => error.code);
    expect(refusal).to.equal("link-invalid");
    expect(await issueFirstAdminLink(platform.ctx)).to.equal(undefined);
    expect(await platform.query("SELECT 1 FROM one_time_tokens WHERE purpose = 'first_admin'")).to.have.length(0);
  });

  it("text that PostgreSQL cannot hold is a wrong field, never a fault of ours", async () => {
    const { path } = await platform.createTenant({}, respondAsync);
    const plan = { code: "texto", name: "Texto", priceCents: 1, limits: {} };
    const answers = [
      await post("/api/auth/login", { email: "a\u0000@b.co", password: "x" }),
      await platform.api.get("/api/tenants?search=%00"),
      await platform.api.get("/api/tenants/%00"),
      await platform.api.request("DELETE", path, { rawBody: `{"confirm":"x","reason":"\\ud800"}` }),
      await platform.api.request("POST", "/api/tenants/provision", {
        rawBody: JSON.stringify(newCompany()).replace('"Empresa', '"\\ud800 Empresa'),
      }),
      await platform.api.post("/api/tenants/provision", newCompany({ plan: { ...plan, limits: { "a\u0000": 1 } } })),
    ];
    expect(answers.map(({ status }) => status)).to.deep.equal([422, 422, 422, 422, 422, 422]);
    const zero = newCompany({ plan: { ...plan, limits: { users_limit: 0 } } });
    const negative = JSON.stringify(zero).replace('"users_limit":0', '"users_limit":-0');
    const made = await platform.api.request("POST", "/api/tenants/provision", {
      rawBody: negative,
      headers: { Prefer: "respond-async" },
    });
    expect(made.status, JSON.stringify(made.body)).to.equal(202);
  });
});
