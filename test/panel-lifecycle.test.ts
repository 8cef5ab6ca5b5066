/** The ends of a company's life in the panel: suspended, deleted, taken back, removed, and never come to life. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import type { Page } from "playwright-core";
import { deletionStatement } from "../control-plane/lifecycle/endings/deletion-manifest.ts";
import { verifyStatement } from "../core/statements.ts";
import { ResourceError } from "../core/errors.ts";
import { sendForm, useBrowser } from "./support/browser.ts";
import { runShell } from "./support/cli.ts";
import { usePeople } from "./support/panel.ts";
import { usePlatform } from "./support/platform.ts";
import { schemaRefusal, withoutNewSchemas } from "./support/refused-schema.ts";
import { openCompany } from "./support/runtime-client.ts";

describe("the panel, at the ends of a company's life", () => {
  const platform = usePlatform({ workers: true });
  const openPage = useBrowser();
  const signIn = usePeople(platform, openPage);

  const companies = (slug: string) =>
    platform.query<{ id: number }>("SELECT id FROM companies WHERE slug = $1", [slug]);
  const linksOf = (page: Page) => page.locator("#acts a").evaluateAll((links) => links.map(({ id }) => id));
  const fits = (page: Page) => page.evaluate("document.scrollingElement.scrollWidth <= window.innerWidth");
  const day = (when: string) => new Date(when).toLocaleDateString("pt-BR");
  /** Runs a command that a page shows, on a file of the name in it. */
  const runShown = (command: string, name: string, content: string) => {
    const path = join(platform.config.DATA_DIR, name);
    writeFileSync(path, content);
    return runShell(command.replace(name, `'${path}'`), { platform });
  };
  /** Goes on with the Tab key until the element has the focus. */
  const tabTo = async (page: Page, id: string) => {
    const visited: unknown[] = [];
    for (let presses = 0; presses < 60; presses += 1) {
      await page.keyboard.press("Tab");
      const focused = await page.evaluate("document.activeElement.id");
      if (focused === id) return;
      visited.push(focused);
    }
    throw new Error(`the Tab key does not reach #${id}: ${visited.join(" ")}`);
  };

  it("suspends with a reason, says since when and why, and resumes", async () => {
    const company = await openCompany(platform);
    const page = await signIn(`/tenants/${company.id}`);
    expect(await linksOf(page)).to.deep.equal(["suspend", "delete"]);
    await page.click("#suspend");
    await sendForm(page, "#change", { reason: "fatura <b>em aberto</b>" });
    await page.waitForURL(`**/tenants/${company.id}`);
    const said = await page.textContent("[data-situation=suspended]");
    expect(said).to.include(day(new Date().toISOString())).and.include("Admin").and.include("fatura <b>em aberto</b>");
    await page.waitForSelector("[data-step=worker][data-state=absent]");
    expect(await page.textContent("[data-step=worker]")).to.include("Parado");
    expect(await linksOf(page)).to.deep.equal(["resume", "delete"]);

    await page.click("#resume");
    await sendForm(page, "#change", {});
    await page.waitForURL(`**/tenants/${company.id}`);
    await page.waitForSelector("[data-step=worker][data-state=ready]");
    expect(await page.locator("[data-situation]").count()).to.equal(0);
    expect((await company.get()).status).to.equal("active");
    await page.goto(`${platform.api.url}/tenants/${company.id}/resume`);
    expect(page.url(), "nothing to resume").to.equal(`${platform.api.url}/tenants/${company.id}`);
  });

  for (const javaScriptEnabled of [true, false]) {
    it(`deletes by slug and reason, marks it, and undoes it (JavaScript ${javaScriptEnabled})`, async () => {
      // Only with the slug and a reason; what is kept is marked, and can be taken back.
      const company = await openCompany(platform);
      const page = await signIn(`/tenants/${company.id}`, { javaScriptEnabled, refusals: [422] });
      await page.click("#delete");
      const keptUntil = day((await page.getAttribute("#kept-until", "datetime")) ?? "");
      expect(await page.textContent("#consequences"))
        .to.include(company.api)
        .and.include(keptUntil);
      await sendForm(page, "#delete", { confirm: `${company.slug}-outra`, reason: "" });
      await page.waitForSelector("#problems");
      expect(await page.textContent("#confirm-error")).to.include(company.slug);
      expect(await page.textContent("#reason-error")).to.have.length.greaterThan(10);
      expect(await page.inputValue("[name=confirm]")).to.equal(`${company.slug}-outra`);
      expect((await company.get()).status).to.equal("active");

      await sendForm(page, "#delete", { confirm: company.slug, reason: "contrato encerrado" });
      await page.waitForURL(`**/tenants/${company.id}`);
      const said = await page.textContent("[data-situation=closed]");
      expect(said).to.include(`será removida em ${keptUntil}`).and.include("contrato encerrado");
      expect(await linksOf(page)).to.deep.equal(["undelete", "delete"]);

      await page.goto(`${platform.api.url}/tenants?status=deleting`);
      const line = page.locator(`[data-tenant="${company.id}"]`);
      expect(await line.getAttribute("data-state")).to.equal("closed");
      expect(await line.textContent())
        .to.include("Excluída")
        .and.include(keptUntil);
      expect(await page.locator("#status option").count(), "all statuses, any, and drift").to.equal(9);

      await line.locator("a.tenant-name").click();
      await page.click("#undelete");
      await sendForm(page, "#change", { reason: "engano" });
      await page.waitForURL(`**/tenants/${company.id}`);
      expect(await page.locator("[data-situation]").count()).to.equal(0);
      await company.becomes("active");
    });
  }

  it("removes at once when asked to, shows the steps, and hands out the signed record", async () => {
    const company = await openCompany(platform);
    const { dns } = platform.ctx;
    const remove = dns.remove.bind(dns);
    dns.remove = () => Promise.reject(new ResourceError("transient", "dns-away", "the DNS provider is away"));
    const page = await signIn(`/tenants/${company.id}/delete`);
    try {
      await page.click("#immediate summary");
      await page.check("#immediately");
      await sendForm(page, "#delete", { confirm: company.slug, reason: "pedido do titular" });
      await page.waitForSelector("[data-situation=removing]");
      await page.waitForSelector("[data-step=domains][data-state=failed]");
      const blocked = await page.textContent("[data-step=domains]");
      expect(blocked).to.include("the DNS provider is away").and.include("Nova tentativa");
      expect(await page.textContent("[data-step=archive] .step-title")).to.include("Exportação final");
      expect(await page.textContent("[data-step=worker] .step-title")).to.include("Removido");
      expect(await linksOf(page)).to.deep.equal([]);
    } finally {
      dns.remove = remove;
    }
    await page.click("#retry");
    await page.waitForSelector("[data-situation=removed]");
    expect(await page.locator("[data-step][data-state=absent]").count()).to.equal(4);
    await page.click("#manifest");
    expect(await page.textContent("#deletion"))
      .to.include("pedido do titular")
      .and.include("Admin");
    expect(await page.locator("#removed [data-resource]").count()).to.equal(7);
    const downloading = page.waitForEvent("download");
    await page.click("#download");
    const file = await downloading;
    expect(file.suggestedFilename()).to.equal(`exclusao-${company.slug}.jws`);
    const stream = await file.createReadStream();
    const jws = Buffer.concat(await stream.toArray()).toString();
    const { manifest } = (await platform.api.get(`${company.path}/deletion-manifest`)).body;
    expect(await verifyStatement(platform.ctx.db, deletionStatement, jws)).to.deep.equal(manifest);
    const verified = await runShown((await page.textContent("#verify")) ?? "", file.suggestedFilename(), jws);
    expect(verified.status, verified.stderr).to.equal(0);
    expect(verified.stdout).to.include(`valid: ${company.slug}`);
  });

  for (const javaScriptEnabled of [true, false]) {
    it(`says why a company failed, keeps the form, retries (JavaScript ${javaScriptEnabled})`, async () => {
      // It makes the company once the cause is corrected.
      const slug = `sem-espaco-${javaScriptEnabled}`;
      const fields = { name: "Sem <i>Espaço</i>", domain: `${slug}.com.br`, slug };
      const page = await signIn("/tenants/new", { javaScriptEnabled, refusals: [502, 404] });
      await withoutNewSchemas(platform, async () => {
        await sendForm(page, "#new-tenant", fields);
        await page.waitForSelector("#failed");
      });
      const told = await page.textContent("#failed");
      expect(told).to.include(slug).and.include("Banco").and.include(schemaRefusal);
      expect(await page.evaluate("document.activeElement.id"), "where reading goes on").to.equal("failed-title");
      for (const [field, value] of Object.entries(fields)) {
        expect(await page.inputValue(`[name=${field}]`), field).to.equal(value);
      }
      expect(await companies(slug)).to.deep.equal([]);
      await page.click("#create");
      await page.waitForURL(/\/tenants\/\d+$/);
      expect(await page.textContent("h1")).to.equal(fields.name);
      expect(await page.locator("#failed").count()).to.equal(0);
    });
  }

  it("ends the live steps when the company is gone, with the form as it was", async () => {
    // A later visitor is told its story.
    const { dns } = platform.ctx;
    const remove = dns.remove.bind(dns);
    dns.remove = () => Promise.reject(new ResourceError("transient", "dns-away", "the DNS provider is away"));
    const page = await signIn("/tenants/new", { refusals: [404] });
    let path = "";
    try {
      await withoutNewSchemas(platform, async () => {
        await sendForm(page, "#new-tenant", { name: "Desfeita", domain: "desfeita.com.br" });
        await page.waitForSelector("[data-situation=undoing]");
      });
      path = new URL(page.url()).pathname;
      expect(path).to.match(/^\/tenants\/\d+$/);
    } finally {
      dns.remove = remove;
    }
    await page.waitForSelector("#failed");
    expect(new URL(page.url()).pathname).to.equal("/tenants/new");
    expect(await page.inputValue("[name=name]")).to.equal("Desfeita");
    expect(await page.textContent("#failed")).to.include(schemaRefusal);
    await page.goto(platform.api.url + path);
    expect(await page.textContent("#rolled-back"))
      .to.include("desfeita")
      .and.include(schemaRefusal);
  });

  it("keeps what failed where the form says so, and says what can be done", async () => {
    const page = await signIn("/tenants/new");
    await page.click("#advanced summary");
    await page.selectOption("[name=onFailure]", "hold");
    await withoutNewSchemas(platform, async () => {
      await sendForm(page, "#new-tenant", { name: "Mantida", domain: "mantida.com.br" });
      await page.waitForSelector("[data-situation=held]");
    });
    expect(await page.textContent("[data-step=database]")).to.include(schemaRefusal);
    expect(await page.textContent("[data-step=worker]")).to.include("Depois de: Banco");
    expect(await linksOf(page)).to.deep.equal(["delete"]);
    await page.click("#retry");
    await page.waitForSelector("#status [data-status=active]");
    expect(await page.locator("[data-situation]").count()).to.equal(0);
  });

  it("shows to each role what it may do, and refuses the rest", async () => {
    const company = await openCompany(platform);
    const path = `/tenants/${company.id}`;
    const viewer = await signIn(path, { role: "viewer", refusals: [403] });
    expect(await viewer.locator("main button:visible, main form, #acts a").count()).to.equal(0);
    expect(await viewer.locator("a[href='/tenants/new']").count()).to.equal(0);
    for (const place of [`${path}/suspend`, `${path}/delete`, "/tenants/new"]) {
      await viewer.goto(platform.api.url + place);
      expect(await viewer.textContent("h1"), place).to.equal("Seu acesso não permite isso");
    }
    const operator = await signIn(path, { role: "operator", refusals: [403] });
    expect(await linksOf(operator)).to.deep.equal(["suspend"]);
    await operator.goto(`${platform.api.url}${path}/suspend`);
    await operator.evaluate(`document.getElementById("change").action = "${path}/delete"`);
    await operator.click("#confirm-change");
    await operator.waitForURL(`**${path}/delete`);
    expect(await operator.textContent("#problem")).to.include("administrador");
    expect((await company.get()).status).to.equal("active");
  });

  it("refuses another site's changes, and says when the state has changed meanwhile", async () => {
    const company = await openCompany(platform);
    const path = `${platform.api.url}/tenants/${company.id}`;
    const page = await signIn(`/tenants/${company.id}/suspend`, { refusals: [403, 409] });
    await platform.api.post(`/api/tenants/${company.id}/suspend`);
    await page.click("#confirm-change");
    await page.waitForSelector("#problems:has-text('mudou')");
    const cookies = await page.context().cookies(platform.api.url);
    const headers = {
      Cookie: cookies.map(({ name, value }) => `${name}=${value}`).join("; "),
      "Content-Type": "application/x-www-form-urlencoded",
      Origin: "https://evil.example",
    };
    for (const act of ["resume", "delete"]) {
      const body = `confirm=${company.slug}&reason=x`;
      const sent = await fetch(`${path}/${act}`, { method: "POST", redirect: "manual", headers, body });
      expect(sent.status, act).to.equal(403);
    }
    expect((await company.get()).status).to.equal("suspended");
  });

  it("needs no mouse, and fits a telephone's screen", async () => {
    const company = await openCompany(platform, { name: "N".repeat(120) });
    const page = await signIn(`/tenants/${company.id}`, { viewport: { width: 390, height: 844 } });
    await tabTo(page, "suspend");
    await tabTo(page, "delete");
    await page.keyboard.press("Enter");
    await page.waitForURL("**/delete");
    expect(await fits(page), "deletion").to.equal(true);
    await tabTo(page, "reason");
    await page.keyboard.type("contrato encerrado");
    await tabTo(page, "confirm");
    await page.keyboard.type(company.slug);
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await tabTo(page, "immediately");
    await page.keyboard.press("Space");
    await tabTo(page, "confirm-delete");
    await page.keyboard.press("Enter");
    await page.waitForSelector("[data-situation=removed]");
    expect(await fits(page), "company").to.equal(true);
    await tabTo(page, "manifest");
    await page.keyboard.press("Enter");
    await page.waitForURL("**/manifest");
    expect(await fits(page), "manifest").to.equal(true);
  });
});
