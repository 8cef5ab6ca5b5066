/** The example of the library is an app that works: docs/examples/orders-app.ts, on companies that were provisioned. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { expect } from "chai";
import { projectPath } from "../core/paths.ts";
import { usePlatform, type Platform } from "./support/platform.ts";
import { openCompany, runtimeClient, type Company } from "./support/runtime-client.ts";

describe("the example app", () => {
  const platform = usePlatform({ workers: true });
  let a: Company;
  let b: Company;
  let app: ChildProcess;
  let httpPort: number;

  before(async () => {
    [a, b] = await Promise.all([openCompany(platform), openCompany(platform)]);
    [app, httpPort] = await startExample(platform);
  });
  after(() => app?.kill("SIGKILL"));

  /** Tells the app's answers as a client of the runtime's: over plain HTTP, with any Host. */
  const ask: ReturnType<typeof runtimeClient> = (host, what, request) =>
    runtimeClient({ ...platform, httpPort })(host, what, { plain: true, ...request });
  const place = ({ api, token }: Company, customer: string, cents: number) =>
    ask(api, "POST /shop/orders", { token, body: { customer, phone: "+5511987654321", cents } });
  const ordersOf = async ({ api, token }: Company) => (await ask(api, "GET /shop/orders", { token })).body.orders;

  it("keeps each company's rows apart, though both have the same customer and numbers", async () => {
    expect((await place(a, "Ana", 1_000)).status).to.equal(201);
    expect((await place(b, "Bia", 2_000)).status).to.equal(201);
    expect((await place(a, "Ana Maria", 3_000)).status).to.equal(201);
    expect(await ordersOf(a)).to.deep.equal([
      { number: 1, customer: "Ana Maria", totalCents: 1_000 },
      { number: 2, customer: "Ana Maria", totalCents: 3_000 },
    ]);
    expect(await ordersOf(b)).to.deep.equal([{ number: 1, customer: "Bia", totalCents: 2_000 }]);
  });

  it("undoes the whole transaction when a part of it fails", async () => {
    const before = await ordersOf(a);
    const tooMuch = await place(a, "Carla", 2 ** 40);
    expect(tooMuch.status).to.equal(500);
    expect(await ordersOf(a)).to.deep.equal(before);
  });

  it("refuses unknown hosts, missing tokens and another company's token", async () => {
    const { body: unknown } = await ask("api.nobody.localhost", "GET /shop/orders", { token: a.token });
    expect(unknown).to.include({ status: 404, code: "host-unknown" });
    expect((await ask(a.api, "GET /shop/orders")).body).to.include({ status: 401, code: "not-authenticated" });
    const foreign = await ask(a.api, "GET /shop/orders", { token: b.token });
    expect(foreign.body).to.include({ status: 403, code: "tenant-mismatch" });
    expect(foreign.body.correlationId).to.equal(foreign.headers["x-request-id"]);
    const unfit = await ask(a.api, "POST /shop/orders", { token: a.token, body: {} });
    expect(unfit.body).to.include({ status: 422, code: "invalid-request" });
  });

  it("serves what is no tenant's on any host", async () => {
    const { status, body } = await ask("api.nobody.localhost", "GET /health");
    expect({ status, ok: body.ok }).to.deep.equal({ status: 200, ok: true });
  });

  it("ends by itself when it is asked to", async () => {
    app.kill("SIGTERM");
    const [code, signal] = await once(app, "exit");
    expect({ code, signal }).to.deep.equal({ code: 0, signal: null });
  });
});

async function startExample({ config }: Platform): Promise<[ChildProcess, number]> {
  const { DATABASE_URL, REDIS_URL, MASTER_KEY } = config;
  // From the sources: it imports the package by its name, which compiled files outside of dist/ cannot.
  const program = projectPath("docs", "examples", "orders-app.ts");
  const args = ["--conditions=secretaria-source", "--import", "tsx", program];
  const child = spawn(process.execPath, args, {
    env: { PATH: process.env["PATH"], DATABASE_URL, REDIS_URL, MASTER_KEY, PORT: "0", NODE_ENV: "test" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = (await Promise.race([
    once(createInterface({ input: child.stdout }), "line"),
    once(child, "exit").then(() => Promise.reject(new Error("the example ended before it listened"))),
  ])) as [string];
  return [child, Number(/\d+$/.exec(line)?.[0])];
}
