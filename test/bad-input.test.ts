import { expect } from "chai";
import type { Problem } from "../control-plane/api/problem-schema.ts";
import { newCompany, type Answer } from "./support/api-client.ts";
import { usePlatform } from "./support/platform.ts";
import { respondAsync } from "./support/tenant.ts";

/** Every refusal: problem+json with a stable code, an id to ask about, and nothing created. */
function expectProblem(
  answer: Answer<Partial<Omit<Problem, "status">>>,
  status: number,
  code: string,
  pointer?: string,
): void {
  expect([answer.status, answer.body.code]).to.deep.equal([status, code]);
  expect(answer.headers.get("content-type")).to.match(/^application\/problem\+json/);
  expect(answer.body.correlationId).to.equal(answer.headers.get("x-request-id"));
  expect(answer.body.detail).to.be.a("string").and.not.equal("");
  if (pointer !== undefined) expect(answer.body.errors?.map(({ pointer: at }) => at)).to.include(pointer);
}

describe("bad input", () => {
  const platform = usePlatform();
  const provision = (body: unknown) => platform.api.post("/api/tenants/provision", body);
  const countCompanies = async () =>
    (await platform.query<{ n: number }>("SELECT count(*)::int AS n FROM companies"))[0]?.n;

  const badSlugs: readonly [string, unknown][] = [
    ["empty", ""],
    ["two characters", "ab"],
    ["33 characters", "a".repeat(33)],
    ["upper case", "Acme"],
    ["a digit first", "1acme"],
    ["a hyphen first", "-acme"],
    ["a hyphen last", "acme-"],
    ["two hyphens", "ac--me"],
    ["an underscore", "ac_me"],
    ["a dot", "ac.me"],
    ["a space", "ac me"],
    ["an accent", "açaí"],
    ["a quote", `ac"me`],
    ["SQL", "acme'; DROP SCHEMA public; --"],
    ["a line break at the end", "acme\n"],
    ["punycode", "xn--acme"],
    ["reserved: api", "api"],
    ["reserved: www", "www"],
    ["a number", 42],
    ["null", null],
    ["an object", { toString: "acme" }],
  ];
  for (const [what, slug] of badSlugs) {
    it(`refuses a slug with ${what}`, async () => {
      const before = await countCompanies();
      expectProblem(await provision(newCompany({ slug })), 422, "invalid-request", "/slug");
      expect(await countCompanies()).to.equal(before);
    });
  }

  it("accepts the shortest and the longest slug", async () => {
    for (const slug of ["abc", `a${"b".repeat(31)}`]) {
      const { answer } = await platform.createTenant({ slug }, respondAsync);
      expect(answer.status).to.equal(202);
    }
  });

  const badFields: readonly [string, Record<string, unknown>, string][] = [
    ["a missing name", { name: undefined }, "/name"],
    ["a blank name", { name: "   " }, "/name"],
    ["a name of 121 characters", { name: "x".repeat(121) }, "/name"],
    ["a name with a control character", { name: "Ac\u0000me" }, "/name"],
    ["a domain that is a URL", { domain: "https://acme.com" }, "/domain"],
    ["a domain without a dot", { domain: "acme" }, "/domain"],
    ["a domain with a port", { domain: "acme.com:80" }, "/domain"],
    ["a domain with an underscore", { domain: "ac_me.com" }, "/domain"],
    ["a base domain that is none", { baseDomain: "-x-" }, "/baseDomain"],
    ["a missing plan", { plan: undefined }, "/plan"],
    ["a plan without a price", { plan: { code: "novo", name: "Novo" } }, "/plan"],
    ["a plan with a negative price", { plan: { code: "novo", name: "Novo", priceCents: -1 } }, "/plan"],
    ["an owner without an e-mail", { owner: { name: "Ana" } }, "/owner/email"],
    ["an owner whose e-mail is none", { owner: { name: "Ana", email: "ana" } }, "/owner/email"],
  ];
  for (const [what, overrides, pointer] of badFields) {
    it(`refuses ${what}`, async () => {
      const answer = await provision(newCompany(overrides));
      expect(answer.status).to.equal(422);
      expect(
        answer.body.errors?.some((error) => error.pointer.startsWith(pointer)),
        JSON.stringify(answer.body.errors),
      ).to.equal(true);
    });
  }

  it("refuses an unknown key and points at it, also inside", async () => {
    expectProblem(await provision({ ...newCompany(), colour: "red" }), 422, "invalid-request", "/colour");
    expectProblem(
      await provision(newCompany({ owner: { name: "A", email: "a@b.co", admin: true } })),
      422,
      "invalid-request",
      "/owner/admin",
    );
    expectProblem(await provision({ ...newCompany(), ["a/b~c"]: 1 }), 422, "invalid-request", "/a~1b~0c");
    const polluted = await platform.api.request("POST", "/api/tenants/provision", {
      rawBody: `{"__proto__":{"slug":"x"},"name":"X Y"}`,
    });
    expect(polluted.status).to.equal(422);
    expect(({} as Record<string, unknown>)["slug"]).to.equal(undefined);
  });

  it("names all wrong fields at once", async () => {
    const { body } = await provision({ name: "", domain: "x", plan: "basic", slug: "A" });
    expect(body.errors?.map((error) => error.pointer)).to.include.members(["/name", "/domain", "/slug"]);
  });

  it("refuses a taken slug and a taken domain, and creates nothing", async () => {
    const { slug, answer } = await platform.createTenant({}, respondAsync);
    const { domain } = answer.body.tenant;
    const before = await countCompanies();
    expectProblem(await provision(newCompany({ slug })), 409, "slug-taken", "/slug");
    expectProblem(await provision(newCompany({ domain: domain.toUpperCase() })), 409, "domain-taken", "/domain");
    expect(await countCompanies()).to.equal(before);
  });

  it("refuses an unknown plan", async () => {
    expectProblem(await provision(newCompany({ plan: "gold" })), 422, "plan-unknown", "/plan");
  });

  it("refuses another content type, before it reads the body", async () => {
    const send = (type: string) =>
      platform.api.request("POST", "/api/tenants/provision", { rawBody: "name=x", headers: { "Content-Type": type } });
    for (const type of [
      "text/plain",
      "application/x-www-form-urlencoded",
      "application/xml",
      "multipart/form-data; boundary=x",
    ]) {
      expectProblem(await send(type), 415, "unsupported-media-type");
    }
  });

  it("refuses a body over 64 KiB and one that is not JSON", async () => {
    const rawBody = JSON.stringify(newCompany({ name: "x".repeat(65_000) }));
    expectProblem(
      await platform.api.request("POST", "/api/tenants/provision", { rawBody }),
      422,
      "invalid-request",
      "/name",
    );
    expectProblem(
      await platform.api.request("POST", "/api/tenants/provision", { rawBody: `${rawBody}${" ".repeat(1000)}` }),
      413,
      "body-too-large",
    );
    expectProblem(
      await platform.api.request("POST", "/api/tenants/provision", { rawBody: "{" }),
      400,
      "malformed-json",
    );
    expect((await platform.api.request("POST", "/api/tenants/provision", { rawBody: `"text"` })).status).to.be.oneOf([
      400, 422,
    ]);
    expectProblem(
      await platform.api.request("POST", "/api/tenants/provision", { rawBody: "[]" }),
      422,
      "invalid-request",
    );
    expectProblem(await platform.api.request("POST", "/api/tenants/provision"), 422, "invalid-request");
  });

  it("asks for a token, and refuses one that is forged, expired or a company's", async () => {
    const company = newCompany();
    expectProblem(
      await platform.api.request("POST", "/api/tenants/provision", { body: company, anonymous: true }),
      401,
      "not-authenticated",
    );
    const { token: tenantToken } = await platform.createTenant();
    const [header, payload] = platform.api.token.split(".");
    const none = `${Buffer.from(`{"alg":"none"}`).toString("base64url")}.${payload}.`;
    for (const token of [tenantToken, `${header}.${payload}.AAAA`, none, "x.y.z"]) {
      const answer = await platform.api.request("GET", "/api/tenants", {
        anonymous: true,
        headers: { Authorization: `Bearer ${token}` },
      });
      expectProblem(answer, 401, "token-invalid");
    }
    const expired = platform.ctx.platformTokens.sign(
      { sub: "1", sid: crypto.randomUUID(), role: "admin", type: "access" },
      "secretaria:platform",
      -1,
    );
    const answer = await platform.api.request("GET", "/api/plans", {
      anonymous: true,
      headers: { Authorization: `Bearer ${expired.token}` },
    });
    expectProblem(answer, 401, "token-invalid");
  });

  it("refuses wrong queries, ids and addresses", async () => {
    expectProblem(await platform.api.get("/api/tenants?limit=0"), 422, "invalid-request", "#query/limit");
    expectProblem(await platform.api.get("/api/tenants?status=happy"), 422, "invalid-request", "#query/status");
    expectProblem(await platform.api.get("/api/tenants?cursor=abc"), 422, "invalid-request", "#query/cursor");
    expectProblem(await platform.api.get("/api/tenants?colour=red"), 422, "invalid-request", "#query/colour");
    expectProblem(await platform.api.get("/api/operations/42"), 422, "invalid-request", "#path/id");
    expectProblem(await platform.api.get(`/api/operations/${crypto.randomUUID()}`), 404, "operation-not-found");
    expectProblem(await platform.api.get("/api/nothing"), 404, "not-found");
    const key = await platform.api.post("/api/tenants/provision", newCompany(), {
      "Idempotency-Key": "é".repeat(2).normalize("NFC"),
    });
    expectProblem(key, 422, "invalid-request", "#header/Idempotency-Key");
  });

  it("slows the guessing of passwords, and says the same for an unknown e-mail", async () => {
    const attempt = (email: string) =>
      platform.api.request("POST", "/api/auth/login", { body: { email, password: "errada errada" }, anonymous: true });
    const [known, unknown] = [await attempt("admin@example.com"), await attempt("ninguem@example.com")];
    expectProblem(known, 401, "invalid-credentials");
    expect(unknown.body.detail).to.equal(known.body.detail);
    let last = known;
    for (let i = 0; i < 40 && last.status !== 429; i += 1) last = await attempt("admin@example.com");
    expectProblem(last, 429, "too-many-requests");
    expect(last.headers.get("retry-after")).to.equal("300");
  });
});
