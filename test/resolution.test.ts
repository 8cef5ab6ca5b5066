/** Whose word counts for whom a request is: the host's, a trusted proxy's, and nobody else's. */
import { connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { expect } from "chai";
import { createShutdown, type Shutdown } from "../core/shutdown.ts";
import { startRuntime } from "../tenant-runtime/start.ts";
import { usePlatform } from "./support/platform.ts";
import { testLog } from "./support/program-log.ts";
import { openCompany, runtimeClient, type AskRuntime, type Company } from "./support/runtime-client.ts";

describe("resolution", () => {
  const platform = usePlatform({ runtime: true, workers: true, config: { CLIENT_TIMEOUT_SECONDS: 1 } });
  const ask = runtimeClient(platform);
  let askBehindProxy: AskRuntime;
  let shutdown: Shutdown;
  let acme: Company;
  let other: Company;

  before(async () => {
    [acme, other] = await Promise.all([openCompany(platform), openCompany(platform)]);
    const log = testLog();
    shutdown = createShutdown(log);
    const behind = await startRuntime({ ...platform.config, TRUSTED_PROXIES: ["127.0.0.0/8"] }, log, shutdown);
    askBehindProxy = runtimeClient({ ...platform, httpPort: behind.httpPort, httpsPort: behind.httpsPort });
  });
  after(() => shutdown?.run("test over"));

  it("finds an internationalised host by its letters and by its A-labels", async () => {
    const company = await openCompany(platform, { baseDomain: "xn--po-sia.localhost" });
    for (const host of [company.api, `API.${company.slug}.PÃO.localhost`, `api.${company.slug}.pa\u0303o.localhost.`]) {
      const Host = Buffer.from(host, "utf8").toString("latin1");
      const answer = await ask("ignored", "GET /v1/tenant", { plain: true, headers: { Host } });
      expect([answer.status, answer.body.slug], host).to.deep.equal([200, company.slug]);
    }
  });

  const statusAndSlug = async (asker: AskRuntime, headers: Record<string, string | string[]>) => {
    const { status, body } = await asker(acme.api, "GET /v1/tenant", { plain: true, headers });
    return [status, body.slug ?? body.code];
  };

  it("believes a trusted proxy's X-Forwarded-Host, and a stranger's not", async () => {
    const headers = { "X-Forwarded-Host": other.api };
    expect(await statusAndSlug(ask, headers)).to.deep.equal([200, acme.slug]);
    expect(await statusAndSlug(askBehindProxy, headers)).to.deep.equal([200, other.slug]);
    expect(await statusAndSlug(askBehindProxy, {})).to.deep.equal([200, acme.slug]);
    const written = { "X-Forwarded-Host": `${other.api.toUpperCase()}.:443` };
    expect(await statusAndSlug(askBehindProxy, written)).to.deep.equal([200, other.slug]);
  });

  it("refuses several forwarded hosts, and takes no Host where the forwarded is none", async () => {
    const unclear = [`${other.api}, ${acme.api}`, `${acme.api},${acme.api}`, [other.api, acme.api], "", "_"];
    for (const value of unclear) {
      const headers = { "X-Forwarded-Host": value };
      expect(await statusAndSlug(askBehindProxy, headers), String(value)).to.deep.equal([404, "host-unknown"]);
    }
    const twice = { "X-Forwarded-Host": other.api, Host: [acme.api, other.api] };
    expect(await statusAndSlug(askBehindProxy, twice)).to.deep.equal([404, "host-unknown"]);
  });

  it("holds a proxy's handshake to nothing but what it does not say itself", async () => {
    const named = { servername: acme.chat, headers: { "X-Forwarded-Host": other.api } };
    expect((await askBehindProxy(acme.chat, "GET /v1/tenant", named)).body.slug).to.equal(other.slug);
    const unnamed = await askBehindProxy(other.api, "GET /v1/tenant", { servername: acme.api });
    expect([unnamed.status, unnamed.body.code]).to.deep.equal([421, "host-mismatch"]);
    const forged = await ask(other.api, "GET /v1/tenant", {
      servername: acme.api,
      headers: { "X-Forwarded-Host": acme.api },
    });
    expect([forged.status, forged.body.code]).to.deep.equal([421, "host-mismatch"]);
  });

  it("takes the client's address and scheme from a trusted proxy only", async () => {
    const headers = { "X-Forwarded-For": "203.0.113.9, 198.51.100.7", "X-Forwarded-Proto": "https" };
    const seenBy = async (asker: AskRuntime) => {
      const company = await openCompany(platform);
      const body = { token: new URL(company.setupUrl).hash.slice(1), password: "uma senha bem longa" };
      const page = await asker(company.chat, "GET /setup", { plain: true, headers });
      expect((await asker(company.chat, "POST /v1/auth/setup", { plain: true, headers, body })).status).to.equal(200);
      const [session] = await platform.query<{ ip: string }>(
        `SELECT host(ip) AS ip FROM tenant_${company.id}.user_sessions ORDER BY created_at DESC LIMIT 1`,
      );
      return { scheme: /(https?):\/\/api\./.exec(page.body)?.[1], ip: session?.ip };
    };
    expect(await seenBy(ask)).to.deep.equal({ scheme: "http", ip: "127.0.0.1" });
    expect(await seenBy(askBehindProxy)).to.deep.equal({ scheme: "https", ip: "198.51.100.7" });
    const bad = { "X-Forwarded-For": "198.51.100.7:4711" };
    expect(await statusAndSlug(ask, bad)).to.deep.equal([200, acme.slug]);
    expect(await statusAndSlug(askBehindProxy, bad)).to.deep.equal([422, "invalid-request"]);
  });

  it("shows no metrics to clients that a proxy on this machine brings", async () => {
    const plain = { plain: true };
    for (const asker of [ask, askBehindProxy]) {
      expect((await asker("localhost", "GET /metrics", plain)).status).to.equal(200);
      for (const name of [
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "Forwarded",
        "X-Real-IP",
        "Via",
      ]) {
        const brought = { plain: true, headers: { [name]: "127.0.0.1" } };
        expect((await asker("localhost", "GET /metrics", brought)).status, name).to.equal(404);
      }
    }
  });

  it("cuts off a client that dribbles its head or its body", async () => {
    const head = `POST /v1/auth/login HTTP/1.1\r\nHost: ${acme.api}\r\nContent-Type: application/json\r\n`;
    for (const start of [head, `${head}Content-Length: 5000\r\n\r\n{"email":"`]) {
      const socket = connect(platform.httpPort, "127.0.0.1");
      const answered = text(socket);
      socket.write(start);
      const dribble = setInterval(() => socket.write("a"), 100);
      const answer = await answered.catch((error: Error) => error.message);
      clearInterval(dribble);
      expect(answer).to.match(/^HTTP\/1\.1 408 |ECONNRESET/);
      await closed(socket);
    }
  });
});

const closed = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    if (socket.closed) resolve();
    else socket.once("close", () => resolve()).once("error", () => undefined);
  });
