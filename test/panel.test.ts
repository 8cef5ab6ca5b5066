/** The panel, as the platform's people use it: sign in, fill in "Nova Empresa", watch it come up. */
import { expect } from "chai";
import type { Page } from "playwright-core";
import { sendForm, useBrowser, type PageOptions } from "./support/browser.ts";
import { adminEmail, adminPassword, usePlatform } from "./support/platform.ts";
import { runtimeClient } from "./support/runtime-client.ts";
import { until } from "./support/wait.ts";

describe("the panel", () => {
  const platform = usePlatform({ runtime: true, workers: true });
  const ask = runtimeClient(platform);
  const openPage = useBrowser();

  const signIn = async (path: string, options?: PageOptions): Promise<Page> => {
    const page = await openPage(options);
    await page.goto(platform.api.url + path);
    await sendForm(page, "#login", { email: adminEmail, password: adminPassword });
    await page.waitForURL(platform.api.url + path);
    return page;
  };
  const allReady = (page: Page) =>
    until(
      () => page.locator("[data-step][data-state=ready]").count(),
      (count) => count === 4,
      { what: "the fourth step" },
    );
  const companies = (slug: string) =>
    platform.query<{ id: number }>("SELECT id FROM companies WHERE slug = $1", [slug]);
  const expectPlace = async (page: Page, slug: string) => {
    for (const kind of ["chat", "api"]) {
      const href = await page.getAttribute(`#hosts a[data-host=${kind}]`, "href");
      expect(new URL(href ?? "").hostname).to.equal(`${kind}.${slug}.localhost`);
    }
    const token = await page.inputValue("#initial-token");
    expect((await ask(`api.${slug}.localhost`, "GET /v1/me", { token })).status).to.equal(200);
    expect(await page.inputValue("#setup-url")).to.match(new RegExp(`^https://chat\\.${slug}\\.localhost.*/setup#`));
  };

  it("signs in with the password, and goes on to the page that was asked for", async () => {
    const page = await openPage({ refusals: [401] });
    await page.goto(`${platform.api.url}/tenants/new`);
    expect(new URL(page.url()).pathname).to.equal("/login");
    await sendForm(page, "#login", { email: adminEmail, password: "senha errada" });
    expect(await page.textContent("#refused")).to.include("não conferem");
    expect(await page.inputValue("[name=email]")).to.equal(adminEmail);
    expect(await page.inputValue("[name=password]")).to.equal("");
    await sendForm(page, "#login", { password: adminPassword });
    await page.waitForURL("**/tenants/new");
    await page.click("#logout");
    await page.waitForURL("**/login");
    await page.goto(`${platform.api.url}/tenants`);
    expect(new URL(page.url()).pathname).to.equal("/login");
  });

  it("makes a company of the form and shows its four steps live", async () => {
    const page = await signIn("/tenants/new");
    await page.evaluate("window.isSamePage = true");
    await page.fill("[name=name]", "Padaria São João");
    expect(await page.inputValue("[name=slug]")).to.equal("padaria-sao-joao");
    expect(await page.textContent("[data-address=api]")).to.equal("api.padaria-sao-joao.localhost");
    await page.fill("[name=slug]", "joao");
    await page.fill("[name=name]", "Padaria São João & Filhos");
    expect(await page.inputValue("[name=slug]"), "a slug of the person's own stays").to.equal("joao");
    await page.fill("[name=domain]", "https://PadariaSaoJoao.com.br/loja");
    await page.selectOption("[name=plan]", "premium");
    await page.click("#owner summary");
    await page.fill("[name=owner-name]", "João");
    await page.fill("[name=owner-email]", "joao@padariasaojoao.com.br");
    await page.click("#create");

    await allReady(page);
    expect(await page.evaluate("window.isSamePage"), "the same page all along").to.equal(true);
    await page.waitForSelector("#status [data-status=active]");
    await expectPlace(page, "joao");
    const [row] = await companies("joao");
    const id = String(row?.id);
    expect(new URL(page.url()).pathname).to.equal(`/tenants/${id}`);

    await page.click("nav a[href='/tenants']");
    const line = page.locator(`#tenants tr[data-tenant="${id}"]`);
    expect(await line.textContent())
      .to.include("Padaria São João & Filhos")
      .and.include("padariasaojoao.com.br");
    expect(await line.locator("a[data-host]").count()).to.equal(2);
    await sendForm(page, "#filter", { search: "não existe" });
    await page.waitForSelector("#nothing");
    expect(await page.locator("#tenants").count()).to.equal(0);
  });

  it("makes a company without JavaScript as well, and shows its secrets once", async () => {
    const page = await signIn("/tenants/new", { javaScriptEnabled: false });
    await sendForm(page, "#new-tenant", { name: "Sem Script", domain: "sem-script.com.br" });
    await page.waitForURL(/\/tenants\/\d+$/);
    expect(await page.textContent("h1")).to.equal("Sem Script");
    expect(await page.inputValue("#initial-token")).to.match(/^[\w-]+\.[\w-]+\.[\w-]+$/);
    const token = await page.inputValue("#initial-token");
    // From now on the page reloads by itself while there is something to wait for.
    await page.reload();
    await allReady(page);
    expect(await page.locator("#access").count()).to.equal(0);
    expect((await ask("api.sem-script.localhost", "GET /v1/me", { token })).status).to.equal(200);
  });

  for (const javaScriptEnabled of [true, false]) {
    it(`says beside each field what is wrong, keeps the rest (JavaScript ${javaScriptEnabled})`, async () => {
      const taken = await platform.createTenant();
      const page = await signIn("/tenants/new", { javaScriptEnabled, refusals: [409, 422] });
      const fields = { name: "", domain: "com espaço.com", slug: "admin" };
      await sendForm(page, "#new-tenant", fields);
      await page.waitForSelector("#problems");
      for (const field of ["name", "domain", "slug"]) {
        expect(await page.textContent(`#${field}-error`), field).to.have.length.greaterThan(10);
        expect(await page.getAttribute(`[name=${field}]`, "aria-invalid"), field).to.equal("true");
      }
      expect(await page.locator("[aria-invalid]").count()).to.equal(3);
      expect(await page.inputValue("[name=slug]")).to.equal("admin");

      const own = { name: "Com <i>Nome</i>", domain: "livre.com.br", slug: taken.slug };
      await sendForm(page, "#new-tenant", own);
      await page.waitForSelector("#slug-error:has-text('já é de outra empresa')");
      expect(await page.locator("[aria-invalid]").count()).to.equal(1);
      for (const [field, value] of Object.entries(own)) {
        expect(await page.inputValue(`[name=${field}]`), field).to.equal(value);
      }
      expect(await companies(taken.slug)).to.have.length(1);
    });
  }

  it("refuses forms that another site sends", async () => {
    const page = await signIn("/tenants", { refusals: [403] });
    const url = `${platform.api.url}/tenants/new`;
    await page.goto("about:blank");
    await page.setContent(
      `<form method="post" action="${url}"><input name="name" value="De Fora"><input name="domain" value="fora.com">
       <input name="plan" value="basic"><button></form>`,
    );
    const [answer] = await Promise.all([page.waitForResponse(url), page.click("button")]);
    expect(answer.status()).to.equal(403);
    expect(await page.textContent("h1")).to.equal("Formulário recusado");

    const cookies = await page.context().cookies(platform.api.url);
    const headers = {
      Cookie: cookies.map(({ name, value }) => `${name}=${value}`).join("; "),
      "Content-Type": "application/x-www-form-urlencoded",
    };
    const body = "name=De+Fora&domain=fora.com&plan=basic";
    for (const Origin of ["https://evil.example", "null", "", `${platform.api.url}.evil.example`]) {
      const sent = await fetch(url, { method: "POST", redirect: "manual", headers: { ...headers, Origin }, body });
      expect(sent.status, `Origin: ${Origin}`).to.equal(403);
    }
    expect(await companies("de-fora")).to.deep.equal([]);
  });

  it("fits a telephone's screen on every page", async () => {
    const { id } = await platform.createTenant({ name: "N".repeat(120) });
    const page = await signIn("/tenants", { viewport: { width: 390, height: 844 } });
    for (const path of ["/tenants", "/tenants/new", `/tenants/${id}`]) {
      await page.goto(platform.api.url + path);
      expect(await page.evaluate("document.scrollingElement.scrollWidth <= window.innerWidth"), path).to.equal(true);
    }
  });
});
