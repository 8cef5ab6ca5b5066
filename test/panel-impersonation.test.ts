/** Support's way into a company as a person goes it: from the company's page in the panel to the page on its own host. */
import { expect } from "chai";
import type { Page } from "playwright-core";
import { sendForm, useBrowser } from "./support/browser.ts";
import { usePeople } from "./support/panel.ts";
import { adminEmail, usePlatform } from "./support/platform.ts";
import { openCompany, runtimeClient, type Company } from "./support/runtime-client.ts";

describe("support's way into a company", () => {
  const platform = usePlatform({ runtime: true, workers: true });
  const ask = runtimeClient(platform);
  const openPage = useBrowser();
  const signIn = usePeople(platform, openPage);
  const narrow = { width: 390, height: 844 };
  let company: Company;

  before(async () => {
    company = await openCompany(platform);
  });

  const fits = (page: Page) => page.evaluate("document.scrollingElement.scrollWidth <= window.innerWidth");
  const reason = "ver <b>por que</b> faltam pedidos";
  /** The link as the panel shows it, on the port that this run's runtime has. */
  const grant = async (page: Page): Promise<string> => {
    await page.goto(`${platform.api.url}/tenants/${company.id}`);
    await page.click("#impersonate");
    await sendForm(page, "#impersonate-form", { reason });
    await page.waitForSelector("#way-in");
    const url = new URL(await page.inputValue("#impersonation-url"));
    expect(url.hostname).to.equal(company.chat);
    url.port = String(platform.httpsPort);
    return url.toString();
  };

  it("asks why, shows the link once, and opens a page that says who is here and why", async () => {
    const panel = await signIn(`/tenants/${company.id}`, { viewport: narrow, refusals: [422] });
    await panel.click("#impersonate");
    await sendForm(panel, "#impersonate-form", { reason: "" });
    expect(await panel.textContent("#reason-error")).to.include("por que");
    const link = await grant(panel);
    expect(await fits(panel), "panel").to.equal(true);
    await panel.reload();
    expect(await panel.locator("#way-in").count(), "a second look").to.equal(0);

    const page = await openPage({ viewport: narrow });
    await page.goto(link);
    await page.click("#enter button");
    await page.waitForSelector("#inside:not([hidden])");
    expect(await page.textContent("#visit")).to.equal(`Acesso do suporte por ${adminEmail}: ${reason}`);
    expect(page.url(), "the used secret").not.to.include("#");
    expect(await fits(page), "company").to.equal(true);
    const token = await page.inputValue("#token");
    expect((await ask(company.api, "GET /v1/me", { token })).body.impersonatedBy.reason).to.equal(reason);
  });

  it("is not used up by looking at it, and says so when it is used up", async () => {
    const link = await grant(await signIn(`/tenants/${company.id}`));
    await (await openPage()).goto(link);
    for (const wanted of ["#inside:not([hidden])", "#problem:not([hidden])"]) {
      const page = await openPage({ refusals: [401] });
      await page.goto(link);
      await page.click("#enter button");
      await page.waitForSelector(wanted);
    }
  });

  it("is not there for viewers", async () => {
    const page = await signIn(`/tenants/${company.id}`, { role: "viewer", refusals: [403] });
    expect(await page.locator("#impersonate").count()).to.equal(0);
    await page.goto(`${platform.api.url}/tenants/${company.id}/impersonate`);
    expect(await page.textContent("h1")).to.equal("Seu acesso não permite isso");
  });
});
