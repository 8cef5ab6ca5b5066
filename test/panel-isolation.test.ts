/** The companies page says which level of isolation the serving processes proved. */
import { expect } from "chai";
import { keepReporting } from "../core/isolation/report.ts";
import { useBrowser } from "./support/browser.ts";
import { usePeople } from "./support/panel.ts";
import { usePlatform } from "./support/platform.ts";

describe("the panel's word on isolation", () => {
  const platform = usePlatform({ runtime: true });
  const signIn = usePeople(platform, useBrowser());

  it("is the weakest level of all processes, in the person's language", async () => {
    await platform.createTenant();
    const page = await signIn("/tenants");
    expect(await page.getAttribute("#isolation", "data-level")).to.equal("hardened");
    expect(await page.textContent("#isolation .badge")).to.equal("Reforçado");
    expect(await page.locator("#isolation details").count()).to.equal(0);

    const failed = [{ name: "path-by-set_config", why: "it answered" }];
    const stop = keepReporting(platform.ctx, "workers", { level: "pooled", held: [], failed });
    try {
      const english = await signIn("/tenants", { locale: "en" });
      expect(await english.getAttribute("#isolation", "data-level")).to.equal("pooled");
      expect(await english.textContent("#isolation .badge")).to.equal("Basic");
      await english.click("#isolation summary");
      expect(await english.textContent("#isolation .lines")).to.include("path-by-set_config");
    } finally {
      await stop();
    }
  });
});
