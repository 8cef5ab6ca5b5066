/** Which company answers: hosts, certificates, states, and what is nobody's business. */
import { expect } from "chai";
import { usePlatform } from "./support/platform.ts";
import { openCompany, roomyPlan, runtimeClient, type Company } from "./support/runtime-client.ts";
import { until } from "./support/wait.ts";

describe("tenant runtime", () => {
  const platform = usePlatform({ runtime: true, workers: true });
  const ask = runtimeClient(platform);
  const asBrowser = { plain: true, headers: { Accept: "text/html,application/xhtml+xml,*/*;q=0.8" } };
  let acme: Company;
  let other: Company;

  before(async () => {
    [acme, other] = await Promise.all([openCompany(platform, { slug: "acme", name: "Acme" }), openCompany(platform)]);
  });

  it("shows a certificate of the platform's authority that names both hosts", async () => {
    for (const host of [acme.chat, acme.api]) {
      const answer = await ask(host, "GET /");
      expect(answer.certifiedNames).to.have.members([`DNS:${acme.chat}`, `DNS:${acme.api}`]);
    }
  });

  it("has no trusted certificate for a host of no company", async () => {
    const refused = await ask("chat.ninguem.localhost", "GET /").catch((error: NodeJS.ErrnoException) => error.code);
    expect(refused).to.match(/VERIFY|SELF_SIGNED/);
  });

  it("tells about the company over HTTP and HTTPS alike", async () => {
    const [secure, plain] = [
      await ask(acme.api, "GET /v1/tenant"),
      await ask(acme.api, "GET /v1/tenant", { plain: true }),
    ];
    expect([secure.status, plain.status]).to.deep.equal([200, 200]);
    expect(plain.body).to.deep.equal(secure.body);
    const { id, uuid, slug, name } = acme;
    expect(secure.body).to.deep.include({ id, uuid, slug, name, plan: roomyPlan.code, status: "active" });
    expect(secure.body.hosts).to.deep.equal([
      { host: acme.chat, kind: "chat" },
      { host: acme.api, kind: "api" },
    ]);
    expect(secure.headers["cache-control"]).to.equal("no-store");
    expect(secure.headers["x-powered-by"]).to.equal(undefined);
  });

  it("reads a host whatever its case, port and trailing dot", async () => {
    for (const Host of [
      "API.Acme.LOCALHOST",
      "api.acme.localhost.",
      "api.acme.localhost:1",
      "Api.acme.localhost.:443",
    ]) {
      const answer = await ask(acme.api, "GET /v1/tenant", { plain: true, headers: { Host } });
      expect([answer.status, answer.body.slug], Host).to.deep.equal([200, "acme"]);
    }
  });

  it("answers 404 on an unknown host, a problem for programs and a page for people", async () => {
    const strangers = [
      "acme.localhost",
      "localhost",
      "www.acme.localhost",
      "x.api.acme.localhost",
      "api.acme.localhost.example.com",
      "api.acme.localhost@evil",
    ];
    for (const host of strangers) {
      const answer = await ask(host, "GET /v1/tenant", { plain: true });
      expect([answer.status, answer.body.code], host).to.deep.equal([404, "host-unknown"]);
      expect(answer.headers["content-type"]).to.match(/^application\/problem\+json/);
      expect(answer.body.correlationId).to.equal(answer.headers["x-request-id"]);
    }
    const page = await ask("chat.ninguem.localhost", "GET /", asBrowser);
    expect(page.status).to.equal(404);
    expect(page.headers["content-type"]).to.match(/^text\/html/);
    expect(page.body).to.include("Endereço não encontrado").and.not.include("ninguem");
  });

  it("answers 421 when the request names another host than the handshake did", async () => {
    const answer = await ask(other.api, "GET /v1/tenant", { servername: acme.api });
    expect([answer.status, answer.body.code]).to.deep.equal([421, "host-mismatch"]);
    const sameCompany = await ask(acme.api, "GET /v1/tenant", { servername: acme.chat });
    expect(sameCompany.status).to.equal(421);
  });

  it("leaves no room for a second reading of the host", async () => {
    const twice = await ask(acme.api, "GET /v1/tenant", { plain: true, headers: { Host: [acme.api, other.api] } });
    expect([twice.status, twice.body.code]).to.deep.equal([404, "host-unknown"]);
    const absolute = await ask(acme.api, `GET http://${other.api}/v1/tenant`, { plain: true });
    expect([absolute.status, absolute.body.code]).to.deep.equal([404, "host-unknown"]);
    const forwarded = { "X-Forwarded-Host": other.api, "X-Host": other.api, Forwarded: `host=${other.api}` };
    const behind = await ask(acme.api, "GET /v1/tenant", { headers: forwarded });
    expect([behind.status, behind.body.slug]).to.deep.equal([200, "acme"]);
  });

  it("serves on each kind of host only what belongs there", async () => {
    const onApi = ["GET /v1/tenant", "GET /v1/me", "GET /v1/customers", "POST /v1/auth/login"];
    const onChat = ["GET /", "GET /setup", "GET /messages", "GET /events", "POST /messages"];
    for (const what of onApi) expect((await ask(acme.chat, what, { token: acme.token })).status, what).to.equal(404);
    for (const what of onChat) expect((await ask(acme.api, what)).status, what).to.equal(404);
    expect((await ask(acme.api, "GET /v1/me", { token: acme.token })).status).to.equal(200);
    expect((await ask(acme.chat, "GET /")).status).to.equal(200);
  });

  it("answers 403 soon after the company was suspended, and serves it again afterwards", async () => {
    const suspended = await openCompany(platform);
    const become = async (state: string, status: number) => {
      await platform.query("UPDATE companies SET desired_state = $1 WHERE id = $2", [state, suspended.id]);
      return until(
        () => ask(suspended.api, "GET /v1/tenant"),
        (answer) => answer.status === status,
        { seconds: 3, what: `${state}: ${status}` },
      );
    };
    expect((await ask(suspended.api, "GET /v1/tenant")).status).to.equal(200);
    expect((await become("suspended", 403)).body.code).to.equal("tenant-suspended");
    const page = await ask(suspended.chat, "GET /", asBrowser);
    expect(page.status).to.equal(403);
    expect(page.body).to.include("Atendimento suspenso").and.not.include(suspended.name);
    expect((await become("active", 200)).body.status).to.equal("active");
  });

  it("answers 410 once the company was deleted", async () => {
    const gone = await openCompany(platform);
    const { status } = await platform.api.delete(gone.path, { confirm: gone.slug, reason: "a test" });
    expect(status).to.equal(202);
    const atOnce = await until(
      () => ask(gone.api, "GET /v1/tenant", { plain: true }),
      (answer) => answer.status === 410,
      { seconds: 3, what: "410" },
    );
    expect(atOnce.body.code).to.equal("tenant-deleted");
    await gone.purge();
    await gone.becomes("deleted");
    const page = await ask(gone.chat, "GET /", asBrowser);
    expect(page.status).to.equal(410);
    expect(page.body).to.include("Atendimento encerrado");
  });

  it("keeps health and metrics for this machine, asked by its own name", async () => {
    for (const what of ["GET /metrics", "GET /healthz", "GET /readyz"]) {
      for (const host of [acme.api, acme.chat]) expect((await ask(host, what)).status, what).to.equal(404);
      for (const host of ["127.0.0.1", "localhost"])
        expect((await ask(host, what, { plain: true })).status, what).to.equal(200);
    }
    const twice = { plain: true, headers: { Host: ["localhost", acme.api] } };
    expect((await ask("localhost", "GET /metrics", twice)).status).to.equal(404);
  });

  it("counts requests by service and route, never by path", async () => {
    await ask(acme.api, "GET /v1/customers/nowhere", { token: acme.token });
    const { body } = await ask("127.0.0.1", "GET /metrics", { plain: true });
    expect(body).to.match(
      /^http_requests_total\{service="tenant-runtime",method="GET",route="\/v1\/tenant",status="200"\} [1-9]/m,
    );
    expect(body).to.match(
      /^http_requests_total\{service="tenant-runtime",.*route="\/v1\/customers\/:id",status="404"\}/m,
    );
    expect(body).to.match(/^http_request_latency_seconds_count\{service="tenant-runtime"/m);
    expect(body).not.to.include("nowhere").and.not.include(acme.slug);
  });
});
