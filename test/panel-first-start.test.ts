/** The first minutes of a platform: the one-time link makes its admin, and a company waits for a worker. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import type { Config } from "../core/config.ts";
import { createShutdown, type Shutdown } from "../core/shutdown.ts";
import { startControlPlane } from "../control-plane/start.ts";
import { startWorkers } from "../workers/start.ts";
import { createApiClient } from "./support/api-client.ts";
import { sendForm, useBrowser } from "./support/browser.ts";
import { testConfig } from "./support/platform.ts";
import { testLog } from "./support/program-log.ts";
import { createTestDatabase } from "./support/servers.ts";

describe("the panel of a platform that is new, without an admin and without workers", () => {
  const openPage = useBrowser();
  const log = testLog();
  let shutdown: Shutdown;
  let folder: string;
  let config: Config;
  let setupUrl: string;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "secretaria-panel-"));
    const nobody = { ADMIN_EMAIL: undefined, ADMIN_PASSWORD: undefined };
    config = testConfig({ DATA_DIR: folder, DATABASE_URL: await createTestDatabase(), ...nobody });
    shutdown = createShutdown(log);
    const controlPlane = await startControlPlane(config, log, shutdown);
    setupUrl = controlPlane.setupUrl ?? "";
  });
  after(async () => {
    await shutdown?.run("test over");
    rmSync(folder, { recursive: true, force: true });
  });

  const admin = { name: "Paula", email: "paula@plataforma.com.br", password: "uma frase da Paula" };

  it("tells the first admin of a link that is not good, and of fields that are not", async () => {
    const page = await openPage({ refusals: [401, 422] });
    await page.goto(`${new URL(setupUrl).origin}/login`);
    await page.click("a[href='/setup']");
    await sendForm(page, "#setup", { ...admin, token: "x".repeat(43) });
    await page.waitForSelector("#token-error");
    expect(await page.inputValue("[name=email]")).to.equal(admin.email);
    expect(await page.inputValue("[name=password]")).to.equal("");
    await page.goto(setupUrl);
    await sendForm(page, "#setup", { ...admin, password: "curta" });
    await page.waitForSelector("#password-error");
  });

  it("makes the first admin by the one-time link, which works once", async () => {
    const page = await openPage();
    await page.goto(setupUrl);
    expect(new URL(page.url()).hash, "the token does not stay in the address").to.equal("");
    await sendForm(page, "#setup", admin);
    await page.waitForURL("**/tenants");
    expect(await page.textContent(".account-name")).to.include("Paula");
    await page.waitForSelector("#empty");

    const another = await openPage();
    await another.goto(setupUrl);
    await another.waitForSelector("#setup-done");
    const { email, password } = admin;
    expect((await createApiClient(new URL(setupUrl).origin, { email, password })).token).to.be.a("string");
  });

  it("says what a company still waits for, and shows its end on the open page", async () => {
    const page = await openPage();
    await page.goto(`${new URL(setupUrl).origin}/login`);
    await sendForm(page, "#login", { email: admin.email, password: admin.password });
    await page.waitForURL("**/tenants");
    await page.click("#empty a");
    await sendForm(page, "#new-tenant", { name: "Primeira", domain: "primeira.com.br" });
    await page.waitForSelector("[data-step=worker][data-state=failed]");
    expect(await page.textContent("[data-step=worker]")).to.include("O programa de workers está em execução?");
    expect(await page.locator("[data-step][data-state=ready]").count()).to.equal(3);
    const token = await page.inputValue("#initial-token");

    await page.evaluate("window.isSamePage = true");
    await startWorkers(config, log, shutdown);
    await page.waitForSelector("[data-step=worker][data-state=ready]");
    await page.waitForSelector("#status [data-status=active]");
    expect(await page.evaluate("window.isSamePage"), "the same page all along").to.equal(true);
    expect(await page.inputValue("#initial-token"), "what is shown once stays").to.equal(token);
  });
});
