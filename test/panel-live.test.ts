/** A company's page while something changes under it: it is the newest state, or it says what to follow. */
import { expect } from "chai";
import { useBrowser } from "./support/browser.ts";
import { usePeople } from "./support/panel.ts";
import { usePlatform } from "./support/platform.ts";

describe("a company's page", () => {
  const platform = usePlatform();
  const signIn = usePeople(platform, useBrowser());

  // The other way round, an operation that ends between the two leaves a page that shows three of four steps for ever.
  it("reads what runs before it reads what is there", async () => {
    const { id } = await platform.createTenant();
    const page = await signIn(`/tenants/${id}`, { javaScriptEnabled: false });
    const reads: string[] = [];
    const record = ({ sql }: { sql: string }) => {
      if (sql.includes(`from "operations"`)) reads.push("what runs");
      if (sql.includes(`from "tenant_resources" where "company_id" in`)) reads.push("what is there");
      if (sql.includes(`"tenant_statuses"."status"`)) reads.push("the company");
    };
    platform.ctx.db.on("query", record);
    await page.reload();
    platform.ctx.db.off("query", record);
    const asked = reads.indexOf("what runs");
    expect(asked).to.be.at.least(0);
    expect(reads.slice(asked + 1)).to.include.members(["the company", "what is there"]);
    expect(reads.indexOf("what is there")).to.be.greaterThan(asked);
  });
});
