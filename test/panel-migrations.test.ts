/** Migration runs in the panel: planned, started, followed while they change, stopped, and what failed. */
import { expect } from "chai";
import { tenantVersion } from "../core/migrations/version.ts";
import type { Page } from "playwright-core";
import { useBrowser } from "./support/browser.ts";
import { lastMigration } from "./support/last-migration.ts";
import { usePeople } from "./support/panel.ts";
import { usePlatform } from "./support/platform.ts";
import { forgetRuns, holdRuns, insertRun, makeBehind, refusal } from "./support/runs.ts";

const phone = { viewport: { width: 390, height: 844 } };

describe("the panel, of migration runs", () => {
  const platform = usePlatform();
  const signIn = usePeople(platform, useBrowser());
  const fits = (page: Page) => page.evaluate("document.scrollingElement.scrollWidth <= window.innerWidth");
  afterEach(() => forgetRuns(platform));

  const makeCompany = () => platform.createTenant();

  const insertBadRun = (failed: readonly number[]) =>
    insertRun(platform, {
      status: "paused",
      wave: 2,
      waves: [
        { name: "canary", status: "done", tenants: { done: [901] } },
        { name: "10 %", status: "running", tenants: { done: [902], failed, waiting: [903] } },
        { name: "100 %", tenants: { waiting: [904, 905] } },
      ],
    });

  it("shows the plan, then starts exactly that, without JavaScript and on a phone", async () => {
    const { id } = await makeCompany();
    await makeBehind(platform, id);
    await holdRuns(platform);
    const page = await signIn("/migrations", { javaScriptEnabled: false, ...phone });
    expect(await page.textContent("#standing")).to.equal("Schemas a migrar: 1.");
    expect(await page.locator("#versions [data-place=behind]").count()).to.equal(1);
    await page.click("#new-migration");
    await page.fill("#waves", "50");
    await page.fill("#maxErrorRate", "2,5");
    await page.uncheck("#canary");
    await page.click("#simulate");
    expect(await page.textContent("#planned")).to.include(lastMigration);
    await page.click(".plan-sql summary");
    expect(await page.textContent(".plan-sql code")).to.include("-- locks user_sessions: ACCESS EXCLUSIVE");
    expect(await fits(page), "with the SQL").to.equal(true);
    expect(await page.locator("[data-planned-wave]").allTextContents()).to.deep.equal(["Onda até 50 %: 1"]);
    expect(await platform.query("SELECT 1 FROM migration_runs")).to.deep.equal([]);
    expect(await page.textContent("#start")).to.equal("Iniciar (schemas: 1)");
    await page.click("#start");
    await page.waitForURL(/\/migrations\/[0-9a-f-]{36}$/);
    expect(await page.getAttribute("#status .badge", "data-status")).to.equal("running");
    expect(await page.textContent("#counted")).to.include("0 de 1 prontos");
    const [run] = await platform.query("SELECT options FROM migration_runs");
    expect(run?.["options"]).to.deep.include({ waves: [50, 100], canary: false, maxErrorRate: 0.025 });
    for (const path of ["/migrations", new URL(page.url()).pathname, "/migrations/new"]) {
      await page.goto(platform.api.url + path);
      expect(await fits(page), path).to.equal(true);
    }
    expect(await page.locator("#open-run a").count()).to.equal(1);
    expect(await page.locator("#start").count()).to.equal(0);
  });

  it("does not start a plan whose options were changed, and says which are wrong", async () => {
    const { id } = await makeCompany();
    await makeBehind(platform, id);
    const page = await signIn("/migrations/new", { refusals: [422] });
    expect(await page.isDisabled("#start")).to.equal(false);
    await page.fill("#waves", "10, 5");
    expect(await page.isDisabled("#start")).to.equal(true);
    expect(await page.textContent("#changed")).to.include("simule de novo");
    await page.click("#simulate");
    expect(await page.textContent("#waves-error")).to.include("percentuais que crescem");
    expect(await page.inputValue("#waves")).to.equal("10, 5");
    expect(await page.locator("#plan").count()).to.equal(0);
  });

  it("says that there is nothing to do", async () => {
    await platform.query("UPDATE tenant_versions SET version = $1", [await tenantVersion()]);
    const page = await signIn("/migrations/new");
    expect(await page.textContent("#plan")).to.include("todos os schemas já estão em dia");
    expect(await page.locator("#start").count()).to.equal(0);
  });

  it("follows a run while it changes, up to its end", async () => {
    const id = await insertRun(platform, {
      status: "running",
      waves: [{ name: "100 %", status: "running", tenants: { done: [901, 902, 903], waiting: [904, 905] } }],
    });
    const page = await signIn(`/migrations/${id}`);
    expect(await page.textContent("#counted")).to.include("3 de 5 prontos");
    expect(await page.textContent("#counted")).to.include("por segundo");
    await platform.query("UPDATE migration_results SET status = 'done' WHERE tenant_id = 904");
    await page.waitForSelector('#counted[data-done="4"]');
    await platform.query("UPDATE migration_results SET status = 'done' WHERE tenant_id = 905");
    await platform.query("UPDATE migration_waves SET status = 'done', finished_at = now()");
    await platform.query("UPDATE migration_runs SET status = 'succeeded', finished_at = now()");
    await page.waitForSelector("#status [data-status=succeeded]");
    expect(await page.textContent("#counted")).to.include("5 de 5 prontos");
    expect(await page.getAttribute('[data-wave="1"]', "data-state")).to.equal("done");
    expect(await page.locator("#acts .button").count()).to.equal(0);
  });

  it("names the failed tenants with the refused statement, and offers what helps", async () => {
    const { id: company, slug } = await makeCompany();
    const id = await insertBadRun([907, company]);
    const page = await signIn(`/migrations/${id}`, phone);
    expect(await page.textContent("#situation")).to.include("a canary failed");
    const failure = page.locator(`[data-failed-tenant="${company}"]`);
    expect(await failure.textContent())
      .to.include(slug)
      .and.include(refusal.message)
      .and.include("0015_nicknames.sql · comando 2")
      .and.include("<text>");
    expect(await page.textContent('[data-failed-tenant="907"] strong')).to.equal("tenant_907");
    expect(await fits(page)).to.equal(true);
    await page.focus("#abort");
    await page.keyboard.press("Enter");
    await page.waitForURL("**/abort");
    expect(await page.textContent("main .lead")).to.include("faltam 3 schemas");
    await page.focus("#confirm-abort");
    await page.keyboard.press("Enter");
    await page.waitForSelector("#status [data-status=aborted]");
    expect(await page.locator("#retry").count()).to.equal(1);
    await holdRuns(platform);
    await page.click("#retry");
    await page.waitForSelector("#status [data-status=running]");
    expect(await page.locator("#failures .card").count()).to.equal(0);
    await page.click("#pause");
    await page.waitForSelector("#status [data-status=paused]");
    expect(await page.textContent("#situation")).to.match(/Pausada por (?!user:)/);
  });

  it("offers each person what they may do, in their language", async () => {
    const id = await insertBadRun([907]);
    const namesOf = (page: Page) => page.locator("#acts .button").evaluateAll((all) => all.map((button) => button.id));
    const operator = await signIn(`/migrations/${id}`, { role: "operator", locale: "en" });
    expect(await namesOf(operator)).to.deep.equal(["resume", "retry"]);
    expect(await operator.textContent("#resume")).to.equal("Resume");
    const viewer = await signIn(`/migrations/${id}`, { role: "viewer", refusals: [403] });
    expect(await namesOf(viewer)).to.deep.equal([]);
    await viewer.goto(`${platform.api.url}/migrations/new`);
    expect(await viewer.textContent("h1")).to.equal("Seu acesso não permite isso");
    const planner = await signIn("/migrations/new", { role: "operator" });
    expect(await planner.locator("#simulate").count()).to.equal(1);
    expect(await planner.locator("#start").count()).to.equal(0);
  });

  it("has no page for a run that is not there", async () => {
    const page = await signIn("/migrations", { refusals: [404] });
    for (const id of ["17", "00000000-0000-4000-8000-000000000000"])
      expect((await page.goto(`${platform.api.url}/migrations/${id}`))?.status(), id).to.equal(404);
  });
});
