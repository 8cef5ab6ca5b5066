/** The chat page of a company, as its visitors see it. */
import { expect } from "chai";
import type { Page } from "playwright-core";
import { useBrowser, type PageOptions } from "./support/browser.ts";
import { usePlatform } from "./support/platform.ts";
import { openCompany, runtimeClient, type Company } from "./support/runtime-client.ts";
import { until } from "./support/wait.ts";

describe("the chat page", () => {
  const platform = usePlatform({ runtime: true, workers: true });
  const ask = runtimeClient(platform);
  const openPage = useBrowser();
  const name = `Pão & <b>Cia</b> ${"Confeitaria".repeat(8)}`;
  let company: Company;

  before(async () => {
    company = await openCompany(platform, { name, slug: "pao-e-cia", owner: { name: "Rita", email: "rita@pao.com" } });
  });

  const visit = async (options?: PageOptions): Promise<Page> => {
    const page = await openPage(options);
    const answer = await page.goto(`https://${company.chat}:${platform.httpsPort}/`);
    expect(answer?.status()).to.equal(200);
    return page;
  };
  const say = async (page: Page, text: string) => {
    await page.fill("#text", text);
    await page.click("#composer button");
  };
  const answersOn = (page: Page) => page.locator("#messages li.company p").allTextContents();
  const sentOn = (page: Page) => page.locator("#messages li.visitor p").allTextContents();
  const untilAnswered = (page: Page, times = 1) =>
    until(
      () => answersOn(page),
      (answers) => answers.length === times,
      { what: `answer ${times}` },
    );

  it("greets with the company's name", async () => {
    const page = await visit();
    expect(await page.textContent("h1")).to.equal(name);
    expect(await page.textContent("h2")).to.equal(`Olá! Aqui é o atendimento da ${name}.`);
    expect(await page.title()).to.include(name);
    expect(await page.locator("#messages li").count()).to.equal(0);
  });

  it("shows the worker's answer live, without a reload", async () => {
    const page = await visit();
    await page.evaluate("window.isSamePage = true");
    await say(page, "Vocês abrem no sábado?");
    const [answer] = await untilAnswered(page);
    expect(answer).to.include(name).and.include("Vocês abrem no sábado?");
    await page.fill("#text", "E no domingo?");
    await page.press("#text", "Enter");
    await untilAnswered(page, 2);

    expect(await sentOn(page)).to.deep.equal(["Vocês abrem no sábado?", "E no domingo?"]);
    expect(await page.inputValue("#text")).to.equal("");
    expect(await page.isHidden("#waiting")).to.equal(true);
    expect(await page.evaluate("window.isSamePage")).to.equal(true);
    const shown = await page.locator("#messages p").allTextContents();
    await page.reload();
    expect(await page.locator("#messages p").allTextContents()).to.deep.equal(shown);
  });

  it("shows the answer in every window of the same visitor", async () => {
    const page = await visit();
    await say(page, "Primeira");
    await untilAnswered(page);
    const second = await page.context().newPage();
    await second.goto(page.url());
    await say(page, "Segunda");
    await untilAnswered(page, 2);
    await untilAnswered(second, 2);
  });

  it("keeps text that looks like HTML text", async () => {
    const page = await visit();
    const text = `<img src=x onerror="window.isBroken = true"><b>oi</b> {{company}} & "tchau"`;
    await say(page, text);
    await untilAnswered(page);
    for (const when of ["live", "after a reload"]) {
      expect(await sentOn(page), when).to.deep.equal([text]);
      expect((await answersOn(page))[0], when).to.include(text);
      expect(await page.locator("#messages :is(img, b)").count(), when).to.equal(0);
      await page.reload();
    }
    expect(await page.evaluate("window.isBroken")).to.equal(undefined);
  });

  it("shows one visitor's messages to no other visitor", async () => {
    const [first, second] = [await visit(), await visit()];
    await say(second, "Sou a segunda pessoa");
    await untilAnswered(second);
    await say(first, "É segredo");
    await untilAnswered(first);
    expect(await sentOn(second)).to.deep.equal(["Sou a segunda pessoa"]);
    await second.reload();
    expect(await second.textContent("body")).not.to.include("segredo");
    const third = await visit();
    expect(await third.locator("#messages li").count()).to.equal(0);
  });

  it("works without JavaScript", async () => {
    const page = await visit({ javaScriptEnabled: false });
    await say(page, "Sem script,\nduas linhas");
    await page.waitForSelector("#messages li.visitor");
    expect(new URL(page.url()).pathname).to.equal("/");
    expect(await sentOn(page)).to.deep.equal(["Sem script,\nduas linhas"]);
    const answers = await until(
      async () => {
        await page.reload();
        return answersOn(page);
      },
      ({ length }) => length === 1,
      { what: "the answer" },
    );
    expect(answers[0]).to.include(name);
  });

  it("fits a telephone's screen", async () => {
    const page = await visit({ viewport: { width: 390, height: 844 } });
    await say(page, `palavra${"muito".repeat(60)}longa https://exemplo.com/${"caminho/".repeat(40)}`);
    await untilAnswered(page);
    const fits = "document.scrollingElement.scrollWidth <= window.innerWidth";
    expect(await page.evaluate(fits)).to.equal(true);
    await page.setViewportSize({ width: 320, height: 568 });
    expect(await page.evaluate(fits)).to.equal(true);
    expect(await page.locator("#composer button").isVisible()).to.equal(true);
  });

  it("refuses a message that another site sends", async () => {
    const page = await openPage({ refusals: [403] });
    const url = `https://${company.chat}:${platform.httpsPort}/messages`;
    await page.setContent(`<form method="post" action="${url}"><input name="text" value="de fora"><button></form>`);
    const [answer] = await Promise.all([page.waitForResponse(url), page.click("button")]);
    expect(answer.status()).to.equal(403);
    const rows = await platform.query(`SELECT 1 FROM tenant_${company.id}.inbound_messages WHERE body = 'de fora'`);
    expect(rows).to.deep.equal([]);
  });

  describe("and the owner's invitation", () => {
    const password = "uma frase que só a Rita sabe";
    const openInvitation = async (options?: PageOptions) => {
      const page = await openPage(options);
      // The listener's port was chosen after the link's was configured.
      const { pathname, hash } = new URL(company.setupUrl);
      await page.goto(`https://${company.chat}:${platform.httpsPort}${pathname}${hash}`);
      return page;
    };
    const create = async (page: Page, [first, second]: [string, string]) => {
      await page.fill("#password", first);
      await page.fill("#again", second);
      await page.click("#setup button");
    };

    it("sets the password, and signing in works from then on", async () => {
      const page = await openInvitation();
      await create(page, [password, `${password}?`]);
      expect(await page.textContent("#problem")).to.include("diferentes");
      await create(page, ["curta", "curta"]);
      expect(await page.textContent("#problem")).to.include("10 caracteres");
      await create(page, [password, password]);
      await page.waitForSelector("#done:not([hidden])");
      expect(await page.textContent("#email")).to.equal("rita@pao.com");
      expect(new URL(page.url()).hash).to.equal("");
      const signedIn = await ask(company.api, "POST /v1/auth/login", { body: { email: "rita@pao.com", password } });
      expect([signedIn.status, signedIn.body.user.role]).to.deep.equal([200, "owner"]);
    });

    it("works once", async () => {
      const page = await openInvitation({ refusals: [401] });
      await create(page, ["outra frase bem longa", "outra frase bem longa"]);
      await page.waitForSelector("#problem:not([hidden])");
      expect(await page.textContent("#problem")).to.include("já foi usado");
    });
  });
});
