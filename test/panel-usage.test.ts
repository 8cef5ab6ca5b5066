/** A company's page says what it used in the last thirty days. */
import { expect } from "chai";
import { dateOfDay, utcDay } from "../core/usage/usage.ts";
import { useBrowser } from "./support/browser.ts";
import { usePeople } from "./support/panel.ts";
import { usePlatform } from "./support/platform.ts";
import { openCompany } from "./support/runtime-client.ts";

describe("the panel, of what a company used", () => {
  const platform = usePlatform({ workers: true });
  const signIn = usePeople(platform, useBrowser());

  it("adds up the days, newest first, in the person's language, and fits a phone", async () => {
    const { id } = await openCompany(platform);
    const page = await signIn(`/tenants/${id}`, { viewport: { width: 390, height: 844 } });
    const [today, yesterday, long] = [0, 1, 45].map((ago) => dateOfDay(utcDay() - ago));
    await platform.query(
      `INSERT INTO tenant_usage (company_id, day, counter, requests, rows, bytes_in, bytes_out, jobs, storage_bytes)
       VALUES ($1, $2, 'a', 1200, 5, 2500000, 10, 1, NULL), ($1, $2, 'b', 34, 0, 0, 0, 0, NULL),
              ($1, $3, 'c', 1, 1, 1, 1, 1, NULL), ($1, $3, 'd', 0, 0, 0, 0, 0, 9), ($1, $4, 'e', 70000, 1, 1, 1, 1, NULL)`,
      [id, today, yesterday, long],
    );
    await page.reload();
    const numberOf = (name: string) => page.textContent(`#usage [data-usage=${name}]`);
    expect(await numberOf("requests")).to.equal("1.235");
    expect(await numberOf("bytesIn")).to.equal("2,5 MB");
    expect(await page.locator("#usage table").isVisible()).to.equal(false);
    await page.click("#usage summary");
    const days = await page.locator("#usage tbody time").evaluateAll((all) => all.map((time) => time.dateTime));
    expect(days).to.deep.equal([today, yesterday]);
    expect(await page.locator("#usage tbody tr").first().locator("td").first().textContent()).to.equal("1.234");
    expect(await page.evaluate("document.scrollingElement.scrollWidth <= window.innerWidth")).to.equal(true);

    const english = await signIn(`/tenants/${id}`, { locale: "en" });
    expect(await english.textContent("#usage [data-usage=requests]")).to.equal("1,235");
    expect(await english.textContent("#usage h2")).to.equal("Usage");
  });

  it("says so when nothing was counted", async () => {
    const { id } = await openCompany(platform);
    await platform.query("DELETE FROM tenant_usage WHERE company_id = $1", [id]);
    const page = await signIn(`/tenants/${id}`, { role: "viewer" });
    expect(await page.textContent("#usage")).to.include("Ainda não há nada contado");
  });
});
