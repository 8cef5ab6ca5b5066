/** A token ends with its company's service, on every process of the runtime, also on one that was not told. */
import { expect } from "chai";
import { createShutdown, type Shutdown } from "../core/shutdown.ts";
import { startRuntime } from "../tenant-runtime/start.ts";
import { openProxy, type Proxy } from "./support/frozen-proxy.ts";
import { usePlatform } from "./support/platform.ts";
import { testLog } from "./support/program-log.ts";
import { openCompany, runtimeClient, type AskRuntime } from "./support/runtime-client.ts";
import { until } from "./support/wait.ts";

describe("a token of a company", () => {
  const platform = usePlatform({ runtime: true, workers: true });
  const ask = runtimeClient(platform);
  let shutdown: Shutdown;
  let proxy: Proxy;
  let askDeaf: AskRuntime;

  before(async () => {
    const url = new URL(platform.databaseUrl);
    proxy = await openProxy({ host: url.hostname, port: Number(url.port) });
    url.port = String(proxy.port);
    const log = testLog();
    shutdown = createShutdown(log);
    const second = await startRuntime({ ...platform.config, DATABASE_URL: url.toString() }, log, shutdown);
    askDeaf = runtimeClient({ ...platform, httpPort: second.httpPort, httpsPort: second.httpsPort });
    await until(() => Promise.resolve(second.ctx.listener.isListening()), Boolean, { what: "the second listener" });
  });
  after(async () => {
    await shutdown?.run("test over");
    await proxy?.close();
  });

  for (const [state, path, status] of [
    ["suspended", "suspend", 403],
    ["deleted", "", 410],
  ] as const) {
    it(`is refused on two processes when ${state}, though one hears no more changes`, async () => {
      const company = await openCompany(platform);
      const me = (client: AskRuntime) => client(company.api, "GET /v1/me", { token: company.token });
      for (const client of [ask, askDeaf]) expect((await me(client)).status).to.equal(200);
      // It listens again since the test before.
      await until(
        () => Promise.resolve(proxy.freeze("listener")),
        (frozen) => frozen === 1,
        { what: "its ear" },
      );
      const address = `/api/tenants/${company.id}`;
      const asked =
        path === "suspend"
          ? await platform.api.post(`${address}/suspend`)
          : await platform.api.delete(address, { confirm: company.slug, reason: "a test" });
      expect(asked.status).to.equal(202);
      // What is promised is a second; the rest is this machine's.
      const isRefused = (answer: { status: number }) => answer.status === status;
      await until(() => me(ask), isRefused, { seconds: 5, what: "refusal by the process that was told" });
      await until(() => me(askDeaf), isRefused, { seconds: 10, what: "refusal by the process that was not" });
    });
  }
});
