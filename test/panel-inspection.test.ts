/** What the panel shows and does of its own accord: inspections, invitations, the language of the mails, a purge that comes due. */
import { expect } from "chai";
import type { Page } from "playwright-core";
import { ResourceError } from "../core/errors.ts";
import { sendForm, useBrowser } from "./support/browser.ts";
import { inspected } from "./support/inspections.ts";
import { usePeople } from "./support/panel.ts";
import { usePlatform } from "./support/platform.ts";
import { openCompany, type Company } from "./support/runtime-client.ts";

describe("the panel, of what was looked at and what comes due", () => {
  const platform = usePlatform({ workers: true });
  const openPage = useBrowser();
  const signIn = usePeople(platform, openPage);

  const fits = (page: Page) => page.evaluate("document.scrollingElement.scrollWidth <= window.innerWidth");
  /** "Verificar agora", and the page that says what was found. */
  const check = async (page: Page, { id }: Company, result: string) => {
    await page.click("#reconcile");
    await sendForm(page, "#change", { reason: "conferir" });
    await page.waitForURL(`**/tenants/${id}`);
    await page.waitForSelector(`[data-inspection=${result}]`);
  };
  const checkByApi = async ({ path }: Company, result: "ok" | "drifted") => {
    await platform.api.post(`${path}/reconcile`);
    await inspected(platform.api, path, result);
  };
  /** The company as its page and the list show it. */
  const markOf = async (page: Page, { id }: Company) => {
    await page.goto(`${platform.api.url}/tenants`);
    return page.locator(`[data-tenant="${id}"] .drift-mark`).count();
  };

  it("inspects when asked, tells differences in words, folds lines, marks the list", async () => {
    const company = await openCompany(platform);
    const other = await openCompany(platform);
    const page = await signIn(`/tenants/${company.id}`, { viewport: { width: 390, height: 844 } });
    expect(await page.textContent("#inspection")).to.include("Ainda não conferida");
    await check(page, company, "ok");
    expect(await page.textContent("#inspection")).to.include("Em ordem");
    const lastLook = Date.parse((await page.getAttribute("#last-look", "datetime")) ?? "");
    const nextLook = Date.parse((await page.getAttribute("#next-look", "datetime")) ?? "");
    expect(nextLook).to.be.greaterThan(lastLook);
    expect(await page.locator("[data-finding]").count()).to.equal(0);
    expect(await markOf(page, company)).to.equal(0);

    await platform.query(`ALTER TABLE tenant_${company.id}.customers ADD COLUMN "<b>loyalty</b>" integer`);
    await page.goto(`${platform.api.url}/tenants/${company.id}`);
    await check(page, company, "drifted");
    const finding = page.locator("[data-finding=database]");
    expect(await finding.locator("> p").textContent())
      .to.include("Banco")
      .and.include("desfaça a mudança à mão");
    expect(await finding.locator(".lines").isVisible()).to.equal(false);
    await finding.locator("summary").click();
    expect(await finding.locator(".lines .extra").textContent()).to.match(/^\+ column customers\..*<b>loyalty<\/b>/);
    expect(await fits(page), "with the lines unfolded").to.equal(true);
    expect(await page.locator("#status [data-status=active]").count()).to.equal(1);

    expect([await markOf(page, company), await markOf(page, other)]).to.deep.equal([1, 0]);
    await page.selectOption("#status", "drifted");
    await page.click("#filter button");
    await page.waitForURL("**status=drifted**");
    const shown = await page
      .locator("[data-tenant]")
      .evaluateAll((rows) => rows.map(({ dataset }) => dataset["tenant"]));
    expect(shown).to.deep.equal([String(company.id)]);
    expect(await fits(page), "list").to.equal(true);
  });

  it("says what is being healed, and notices by itself that it was", async () => {
    const company = await openCompany(platform);
    await platform.ctx.redis.call("ACL", "DELUSER", `tenant_${company.id}`);
    await checkByApi(company, "drifted");
    const page = await signIn("/tenants");
    await platform.query("UPDATE tenant_inspections SET next_at = now() + interval '5 s' WHERE company_id = $1", [
      company.id,
    ]);
    await page.goto(`${platform.api.url}/tenants/${company.id}`);
    await page.evaluate("window.isSamePage = true");
    const told = await page.textContent("[data-finding=cache]");
    expect(told).to.include("Redis").and.include("sendo refeito");
    await page.locator("[data-finding=cache] summary").click();
    await page.waitForSelector("[data-inspection=ok]");
    expect(await page.evaluate("window.isSamePage")).to.equal(true);
  });

  it("says of what it could not look at, and changes nothing for it", async () => {
    const company = await openCompany(platform);
    const { dns } = platform.ctx;
    const inspect = dns.inspect.bind(dns);
    dns.inspect = () => Promise.resolve("unknown");
    const page = await signIn(`/tenants/${company.id}`, { locale: "en-GB" });
    try {
      await check(page, company, "unknown");
    } finally {
      dns.inspect = inspect;
    }
    expect(await page.textContent("#inspection .badge")).to.equal("Could not look");
    expect(await page.textContent("[data-finding=dns] > p")).to.include("did not answer");
    expect(await markOf(page, company)).to.equal(0);
  });

  it("shows a viewer what was found, without the ways to act on it", async () => {
    const company = await openCompany(platform);
    await checkByApi(company, "ok");
    const path = `/tenants/${company.id}`;
    const page = await signIn(path, { role: "viewer", refusals: [403] });
    expect(await page.locator("[data-inspection=ok]").count()).to.equal(1);
    expect(await page.locator("#reconcile, #invite").count()).to.equal(0);
    for (const act of ["reconcile", "invite"]) {
      await page.goto(`${platform.api.url}${path}/${act}`);
      expect(await page.textContent("h1"), act).to.equal("Seu acesso não permite isso");
    }
  });

  it("sends the invitation again, shows its link once, and says why it cannot be sent", async () => {
    const company = await openCompany(platform);
    const table = `tenant_${company.id}.one_time_tokens`;
    await platform.query(`UPDATE ${table} SET expires_at = now() - interval '1 hour'`);
    const path = `/tenants/${company.id}`;
    const page = await signIn(path, { role: "operator", refusals: [409], viewport: { width: 390, height: 844 } });
    await page.click("#invite");
    expect(await page.textContent("#invite-form"))
      .to.include("7 dias")
      .and.include("SMTP_URL");
    await page.click("#confirm-invite");
    await page.waitForSelector("#invitation");
    expect(await page.inputValue("#setup-url")).to.match(
      new RegExp(`^https://chat\\.${company.slug}\\.localhost.*/setup#.{20,}`),
    );
    expect(await page.locator("[data-copy=setup-url]").isVisible()).to.equal(true);
    expect(await fits(page), "link").to.equal(true);
    const [link] = await platform.query<{ expires_at: Date }>(`SELECT expires_at FROM ${table}`);
    // The mail, which goes out later, gives the same link its whole time again.
    const shown = new Date((await page.getAttribute("#link-until", "datetime")) ?? "").getTime();
    expect((link?.expires_at.getTime() ?? 0) - shown).to.be.within(0, 60_000);
    expect((link?.expires_at.getTime() ?? 0) > Date.now()).to.equal(true);

    await page.reload();
    expect(await page.locator("#invitation").count(), "shown again").to.equal(0);
    const sent = "SELECT 1 FROM audit_log WHERE company_id = $1 AND action = 'tenant.invitation-requested'";
    expect(await platform.query(sent, [company.id])).to.have.length(1);

    await platform.query(`UPDATE tenant_${company.id}.users SET password_hash = 'x' WHERE role = 'owner'`);
    await page.click("#confirm-invite");
    await page.waitForSelector("#problems:has-text('já criou a senha')");
    await platform.api.post(`/api/tenants/${company.id}/suspend`);
    await page.click("#confirm-invite");
    await page.waitForSelector("#problems:has-text('ninguém pode ser convidado')");
    expect(await platform.query(sent, [company.id])).to.have.length(1);
    await page.goto(`${platform.api.url}${path}/invite`);
    expect(page.url(), "nobody to invite").to.equal(platform.api.url + path);
  });

  for (const javaScriptEnabled of [true, false]) {
    it(`makes a company with mails in the chosen language (JavaScript ${javaScriptEnabled})`, async () => {
      const slug = `in-english-${javaScriptEnabled}`;
      const page = await signIn("/tenants/new", { javaScriptEnabled });
      await page.click("#advanced summary");
      expect(await page.inputValue("[name=locale]")).to.equal("pt-BR");
      await page.selectOption("[name=locale]", "en");
      await sendForm(page, "#new-tenant", { name: "In English", domain: `${slug}.com.br`, slug });
      await page.waitForURL(/\/tenants\/\d+$/);
      const rows = await platform.query("SELECT locale FROM companies WHERE slug = $1", [slug]);
      expect(rows).to.deep.equal([{ locale: "en" }]);
    });
  }

  it("notices by itself that a deleted company's removal begins, and that it ended", async () => {
    const company = await openCompany(platform);
    const { dns } = platform.ctx;
    const remove = dns.remove.bind(dns);
    dns.remove = () => Promise.reject(new ResourceError("transient", "dns-away", "the DNS provider is away"));
    const page = await signIn("/tenants");
    try {
      const purgeAfter = new Date(Date.now() + 6000).toISOString();
      const body = { confirm: company.slug, reason: "fim", purgeAfter };
      expect((await platform.api.delete(`/api/tenants/${company.id}`, body)).status).to.equal(202);
      await page.goto(`${platform.api.url}/tenants/${company.id}`);
      await page.evaluate("window.isSamePage = true");
      expect(await page.locator("[data-situation=closed]").count()).to.equal(1);
      expect(await page.locator("[data-inspection]").count(), "nobody looks at it").to.equal(0);
      await page.waitForSelector("[data-situation=removing]");
      await page.waitForSelector("[data-step=domains][data-state=failed]");
    } finally {
      dns.remove = remove;
    }
    await page.waitForSelector("[data-situation=removed]");
    expect(await page.textContent("#details")).to.include("Dados apagados");
    expect(await page.evaluate("window.isSamePage")).to.equal(true);
  });
});
