/** What is passed on to services behind the runtime, for whom, and what is not. */
import { createPublicKey } from "node:crypto";
import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { expect } from "chai";
import jwt from "jsonwebtoken";
import type { GatewayRoute } from "../core/gateway-routes.ts";
import { createShutdown, type Shutdown } from "../core/shutdown.ts";
import { startRuntime, type Runtime } from "../tenant-runtime/start.ts";
import { usePlatform } from "./support/platform.ts";
import { testLog } from "./support/program-log.ts";
import { openCompany, runtimeClient, type AskRuntime, type Company } from "./support/runtime-client.ts";
import { echo, openUpstream, type Upstream } from "./support/upstream.ts";
import { until } from "./support/wait.ts";

describe("gateway", () => {
  const platform = usePlatform({ workers: true });
  const log = testLog();
  let upstream: Upstream;
  let other: Upstream;
  let shutdown: Shutdown;
  let runtime: Runtime;
  let ask: AskRuntime;
  let premium: Company;
  let basic: Company;

  const route = (path: string, module: string, more: Partial<GatewayRoute> = {}): GatewayRoute => ({
    path,
    module,
    target: upstream.url,
    // Longer than a test waits: what ends earlier was ended by something else.
    timeoutMs: 60_000,
    maxConnections: 64,
    passAuthorization: false,
    ...more,
  });

  before(async () => {
    [upstream, other] = await Promise.all([openUpstream(), openUpstream()]);
    const unused = await openUpstream();
    await unused.close();
    const routes = [
      route("/v1/whatsapp", "whatsapp"),
      route("/v1/whatsapp/campaigns", "campaigns", { target: `${other.url}/base`, passAuthorization: true }),
      route("/v1/whatsapp/ai", "ai"),
      route("/v1/slow", "whatsapp", { timeoutMs: 300 }),
      route("/v1/down", "whatsapp", { target: unused.url }),
    ];
    shutdown = createShutdown(log);
    runtime = await startRuntime({ ...platform.config, GATEWAY_ROUTES: routes }, log, shutdown);
    ask = runtimeClient({ ...platform, httpPort: runtime.httpPort, httpsPort: runtime.httpsPort });
    [premium, basic] = await Promise.all([
      openCompany(platform, { plan: "premium" }),
      openCompany(platform, { plan: "basic" }),
    ]);
  });
  after(async () => {
    await shutdown?.run("test over");
    await Promise.all([upstream?.close(), other?.close()]);
  });
  beforeEach(() => {
    for (const service of [upstream, other]) Object.assign(service, { answer: echo }).seen.length = 0;
  });

  const call = (what: string, more: object = {}) => ask(premium.api, what, { token: premium.token, ...more });
  const rawRequest = (what: string, headers: Record<string, string> = {}) => {
    const [method, path] = what.split(" ") as [string, string];
    const all = { Host: premium.api, Authorization: `Bearer ${premium.token}`, ...headers };
    return request({ host: "127.0.0.1", port: runtime.httpPort, method, path, headers: all, agent: false });
  };
  const firstSeen = () => upstream.seen[0] as IncomingMessage;

  it("passes method, path, query, body and answer on", async () => {
    upstream.answer = (req, res) => {
      res.writeHead(418, "Teapot", { "Content-Type": "text/plain", "X-Own": "yes", ETag: '"1"' });
      req.pipe(res);
    };
    const answer = await call("PUT /v1/whatsapp/messages/7?a=%2F&b=", { rawBody: "Olá" });
    expect([answer.status, answer.body, answer.headers["x-own"]]).to.deep.equal([418, "Olá", "yes"]);
    expect([firstSeen().method, firstSeen().url]).to.deep.equal(["PUT", "/v1/whatsapp/messages/7?a=%2F&b="]);
    expect(firstSeen().headers.host).to.equal(new URL(upstream.url).host);
  });

  it("is for signed-in people of companies that have the module, on the api host", async () => {
    const refused = [
      [await ask(premium.api, "GET /v1/whatsapp"), 401, "not-authenticated"],
      [await ask(basic.api, "GET /v1/whatsapp", { token: premium.token }), 403, "tenant-mismatch"],
      [await ask(basic.api, "GET /v1/whatsapp", { token: basic.token }), 403, "module-not-in-plan"],
      [await call("GET /v1/whatsapp/ai"), 403, "module-not-in-plan"],
      [await ask(premium.chat, "GET /v1/whatsapp", { token: premium.token }), 404, "not-found"],
      [await call("GET /v1/whatsappx"), 404, "not-found"],
    ] as const;
    for (const [answer, status, code] of refused)
      expect([answer.status, answer.body.code]).to.deep.equal([status, code]);
    expect(upstream.seen).to.have.length(0);
  });

  it("takes the longest path that fits, and reads a path in one way only", async () => {
    expect((await call("GET /v1/whatsapp/campaigns/1?x=1")).status).to.equal(200);
    expect(other.seen[0]?.url).to.equal("/base/v1/whatsapp/campaigns/1?x=1");
    // All of these may be the module 'ai' to the service, which this company does not have.
    for (const path of ["AI", "%61i", "a%69/x", "Ai/"])
      expect((await call(`GET /v1/whatsapp/${path}`)).body.code, path).to.equal("module-not-in-plan");
    for (const path of [
      "./ai",
      "x/../ai",
      "%2e/ai",
      "x%2F..%2Fai",
      "x/%2E%2e/ai",
      "/ai",
      "ai;x",
      "..;/ai",
      "x\\..\\ai",
    ])
      expect((await call(`GET /v1/whatsapp/${path}`)).status, path).to.equal(404);
    expect(upstream.seen).to.have.length(0);
  });

  it("says who asks, and takes that from no client", async () => {
    const forged = {
      "X-Tenant-ID": "1",
      "X-Tenant-Anything": "1",
      X_Tenant_ID: "1",
      "X-Plan": "enterprise",
      "X-User-ID": "1",
      "X-User-Role": "root",
      "X-Secretaria-Identity": "forged",
      "X-Forwarded-For": "10.0.0.1",
      "X-Forwarded-Host": basic.api,
      "X-Forwarded-Proto": "gopher",
      "X-Real-IP": "10.0.0.1",
      "X-Original-URL": "/admin",
      Forwarded: "for=10.0.0.1",
      Connection: "X-Tenant-ID, x-plan, X-Secretaria-Identity",
    };
    await call("GET /v1/whatsapp", { headers: { ...forged, "X-Request-Id": "request-4711", "X-Kept": "yes" } });
    const { "x-secretaria-identity": signed, ...headers } = firstSeen().headers;
    const own = Object.entries(headers).filter(([name]) => /^(x|forwarded)/.test(name));
    const claims = await runtime.ctx.tokens.verify(String(signed), "gateway:whatsapp");
    expect(Object.fromEntries(own)).to.deep.equal({
      "x-tenant-id": String(premium.id),
      "x-tenant-uuid": premium.uuid,
      "x-plan": "premium",
      "x-user-id": claims.sub,
      "x-user-role": "owner",
      "x-request-id": "request-4711",
      "x-forwarded-for": "127.0.0.1",
      "x-forwarded-host": premium.api,
      "x-forwarded-proto": "https",
      "x-kept": "yes",
    });
    expect(claims).to.deep.include({ tenant_id: premium.id, plan: "premium", role: "owner", type: "gateway" });
    expect(claims.exp - Date.now() / 1000).to.be.within(0, 60);
    const elsewhere = runtime.ctx.tokens.verify(String(signed), "gateway:campaigns");
    expect(await elsewhere.catch(({ code }: { code: string }) => code)).to.equal("token-invalid");
    const replayed = await ask(premium.api, "GET /v1/me", { token: String(signed) });
    expect([replayed.status, replayed.body.code]).to.deep.equal([403, "tenant-mismatch"]);
  });

  it("signs so that a service needs nothing but the published keys to verify", async () => {
    await call("GET /v1/whatsapp");
    const signed = String(firstSeen().headers["x-secretaria-identity"]);
    const published = await ask(premium.api, "GET /.well-known/jwks.json");
    const { kid } = jwt.decode(signed, { complete: true })?.header ?? {};
    const jwk = published.body.keys.find((key: { kid: string }) => key.kid === kid);
    expect(Object.keys(jwk)).to.have.members(["kty", "crv", "x", "y", "kid", "use", "alg"]);
    const key = createPublicKey({ key: jwk, format: "jwk" });
    const claims = jwt.verify(signed, key, {
      algorithms: ["ES256"],
      issuer: "secretaria",
      audience: "gateway:whatsapp",
    });
    expect(claims).to.include({ tenant_id: premium.id, type: "gateway" });
  });

  it("keeps cookies and, unless told otherwise, the access token", async () => {
    const headers = { Cookie: "a=b", "Proxy-Authorization": "Basic eA==" };
    await call("GET /v1/whatsapp", { headers });
    expect(firstSeen().headers).not.to.have.any.keys("cookie", "authorization", "proxy-authorization");
    await call("GET /v1/whatsapp/campaigns", { headers });
    expect(other.seen[0]?.headers.authorization).to.equal(`Bearer ${premium.token}`);
    expect(other.seen[0]?.headers).not.to.have.any.keys("cookie", "proxy-authorization");
  });

  it("passes on nothing that is said between neighbours, either way", async () => {
    upstream.answer = (_req, res) => {
      res.setHeader("Connection", "close, X-Secret-Hop");
      for (const name of ["X-Secret-Hop", "Keep-Alive", "Proxy-Authenticate", "Upgrade", "X-Kept"])
        res.setHeader(name, "a");
      res.end("done");
    };
    const headers = {
      Connection: "keep-alive, X-Mine",
      "X-Mine": "a",
      TE: "trailers",
      "Keep-Alive": "9",
      Upgrade: "h2c",
    };
    const answer = await call("GET /v1/whatsapp", { headers });
    expect(firstSeen().headers).not.to.have.any.keys("x-mine", "te", "keep-alive", "upgrade");
    expect(answer.headers).to.include({ "x-kept": "a", connection: "keep-alive" });
    expect(answer.headers).not.to.have.any.keys("x-secret-hop", "proxy-authenticate", "upgrade");
    const ended = await call("GET /v1/whatsapp", { headers: { Connection: "close" } });
    expect(ended.headers.connection).to.equal("close");
  });

  it("lets a service speak for its path, not for the host", async () => {
    upstream.answer = (_req, res) => {
      res.setHeader("Strict-Transport-Security", "max-age=1").setHeader("Server", "x").setHeader("X-Request-Id", "x");
      res.setHeader("Set-Cookie", ["a=1; Path=/v1/whatsapp", "b=2; Domain=localhost", "c=3;domain = .localhost"]);
      res.writeHead(302, { Location: `${upstream.url}/v1/whatsapp/next?x=1` }).end();
    };
    const { headers } = await call("GET /v1/whatsapp", { headers: { "X-Request-Id": "request-4711" } });
    expect(headers["set-cookie"]).to.deep.equal(["a=1; Path=/v1/whatsapp"]);
    expect(headers).not.to.have.any.keys("strict-transport-security", "server");
    expect(headers).to.include({ location: "/v1/whatsapp/next?x=1", "x-request-id": "request-4711" });
    expect(headers).to.include({ "x-content-type-options": "nosniff", "cache-control": "no-store" });
  });

  it("streams bodies both ways, piece by piece", async () => {
    const sent = rawRequest("POST /v1/whatsapp", { "Transfer-Encoding": "chunked" });
    sent.write("one");
    const [answer] = (await once(sent, "response")) as [IncomingMessage];
    expect(String((await once(answer, "data"))[0])).to.equal("one");
    sent.end("two");
    expect(await text(answer)).to.equal("two");
  });

  it("carries large bodies whole, at the reader's pace", async () => {
    const large = Buffer.alloc(8 * 1024 * 1024, "0123456789abcdef");
    const sent = rawRequest("POST /v1/whatsapp", { "Content-Length": String(large.length) });
    sent.end(large);
    const [answer] = (await once(sent, "response")) as [IncomingMessage];
    expect(Buffer.compare(Buffer.concat(await answer.toArray()), large)).to.equal(0);
  });

  it("ends the service's request when the client leaves, before or within the answer", async () => {
    for (const begin of [false, true]) {
      let ended = false;
      upstream.answer = (_req, res) => {
        res.once("close", () => void (ended = true));
        if (begin) res.writeHead(200, { "Content-Type": "text/event-stream" }).write("data: 1\n\n");
      };
      const before = upstream.seen.length;
      const sent = rawRequest("GET /v1/whatsapp").on("error", () => undefined);
      sent.end();
      if (begin) await once(sent, "response");
      await until(
        () => Promise.resolve(upstream.seen.length),
        (count) => count > before,
        { what: "the request" },
      );
      sent.destroy();
      await until(() => Promise.resolve(ended), Boolean, { what: `its end, begun: ${begin}` });
    }
  });

  it("answers for a service that is not there, is too slow, or breaks off", async () => {
    const down = await call("POST /v1/down", { body: {} });
    expect([down.status, down.body.code]).to.deep.equal([502, "upstream-unavailable"]);
    expect(down.headers["content-type"]).to.match(/^application\/problem\+json/);
    expect(JSON.stringify(down.body)).not.to.match(/127\.0\.0\.1|ECONN/);

    let ended = false;
    upstream.answer = (_req, res) => void res.once("close", () => void (ended = true));
    const slow = await call("POST /v1/slow", { body: {} });
    expect([slow.status, slow.body.code]).to.deep.equal([504, "upstream-timeout"]);
    await until(() => Promise.resolve(ended), Boolean, { what: "the slow request's end" });

    upstream.answer = (req) => void req.socket.destroy();
    expect((await call("GET /v1/whatsapp")).status).to.equal(502);

    upstream.answer = (req, res) =>
      void res.writeHead(200, { "Content-Length": "9" }).write("half", () => req.socket.destroy());
    const broken = await call("GET /v1/whatsapp").catch((error: NodeJS.ErrnoException) => error.code);
    expect(broken).to.equal("ECONNRESET");
    upstream.answer = echo;
    expect((await call("GET /v1/whatsapp")).status).to.equal(200);
  });

  it("lets an answer that has begun take longer than the timeout", async () => {
    upstream.answer = (_req, res) => {
      res.write("begun");
      setTimeout(() => res.end(", and done"), 900);
    };
    expect((await call("GET /v1/slow")).body).to.equal("begun, and done");
  });

  it("sends no body that a service could read as a request of its own", async () => {
    const smuggled = "GET /v1/admin HTTP/1.1\r\nX-Tenant-ID: 1\r\n\r\n";
    const chunked = `${smuggled.length.toString(16)}\r\n${smuggled}\r\n0\r\n\r\n`;
    for (const method of ["GET", "DELETE", "OPTIONS"]) {
      const socket = connect(runtime.httpPort, "127.0.0.1");
      const head = `${method} /v1/whatsapp HTTP/1.1\r\nHost: ${premium.api}\r\nAuthorization: Bearer ${premium.token}\r\nConnection: close\r\n`;
      socket.write(`${head}Transfer-Encoding: chunked\r\n\r\n${chunked}`);
      expect(await text(socket), method).to.match(/^HTTP\/1\.1 422 /);
    }
    const body = "GET /v1/admin HTTP/1.1\r\n\r\n";
    const sent = rawRequest("DELETE /v1/whatsapp", {
      Connection: "content-length",
      "Content-Length": `${body.length}`,
    });
    sent.end(body);
    const [answer] = (await once(sent, "response")) as [IncomingMessage];
    expect(await text(answer)).to.equal(body);
    expect(upstream.seen.map(({ url }) => url)).to.deep.equal(["/v1/whatsapp"]);
  });

  it("refuses what it cannot pass on, and says so", async () => {
    const socket = await call("GET /v1/whatsapp", { headers: { Connection: "Upgrade", Upgrade: "websocket" } });
    expect([socket.status, socket.body.errors[0].pointer]).to.deep.equal([422, "#header/Upgrade"]);
    expect((await call("TRACE /v1/whatsapp")).status).to.equal(405);
    expect(upstream.seen).to.have.length(0);
  });

  it("opens no more connections to a service than it may, and keeps those it has", async () => {
    await other.close();
    other = await openUpstream();
    const routes = [route("/v1/few", "whatsapp", { target: other.url, maxConnections: 2 })];
    const stop = createShutdown(log);
    const few = await startRuntime({ ...platform.config, GATEWAY_ROUTES: routes }, log, stop);
    const askFew = runtimeClient({ ...platform, httpPort: few.httpPort, httpsPort: few.httpsPort });
    let most = 0;
    other.answer = (_req, res) => {
      void other.openConnections().then((count) => {
        most = Math.max(most, count);
        res.end("ok");
      });
    };
    const answers = await Promise.all(
      Array.from({ length: 12 }, () => askFew(premium.api, "GET /v1/few", { token: premium.token })),
    );
    await stop.run("test over");
    expect(answers.map(({ status }) => status)).to.deep.equal(Array.from({ length: 12 }, () => 200));
    expect(most).to.equal(2);
    expect(new Set(other.seen.map(({ socket }) => socket)).size).to.equal(2);
  });

  it("does not start with a path that is the runtime's own", async () => {
    for (const path of ["/v1/customers", "/v1/customers/export", "/v1/auth/x", "/v1/me"]) {
      const stop = createShutdown(log);
      const config = { ...platform.config, GATEWAY_ROUTES: [route(path, "whatsapp")] };
      const failed = await startRuntime(config, log, stop).catch((error: Error) => error.message);
      await stop.run("test over");
      expect(failed).to.include(path).and.include("the runtime's own");
    }
  });
});
