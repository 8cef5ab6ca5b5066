/** Chromium as a person has it: the system's own, one for a file, a fresh profile for every page. */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { after, afterEach, before } from "mocha";
import { chromium, type Browser, type BrowserContextOptions, type Page } from "playwright-core";
import { ensureSystemPackage } from "../../scripts/embedded/system-packages.ts";
import { chromiumPackage } from "./packages.ts";

const launchArguments = [
  "--no-sandbox",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-default-apps",
  "--disable-sync",
  "--no-default-browser-check",
  "--no-first-run",
];

export interface PageOptions extends BrowserContextOptions {
  /** Refused answers that the test provokes; the browser's complaints about these statuses are no faults. */
  readonly refusals?: readonly number[];
}

/** Opens a page with cookies of its own, `*.localhost` on this machine, and any certificate accepted. */
export type OpenPage = (options?: PageOptions) => Promise<Page>;

/**
 * Starts Chromium before a file's tests. After each test its pages are closed, and what they complained about (script
 * errors, broken links to files, breaches of the Content-Security-Policy) fails it. A failed test leaves a picture.
 */
export function useBrowser(): OpenPage {
  let browser: Browser;
  let pages: Page[] = [];
  let faults: string[] = [];

  before(async function launch() {
    // Installing takes longer than any test may.
    this.timeout(300_000);
    const executablePath = await ensureSystemPackage(chromiumPackage);
    browser = await chromium.launch({ executablePath, args: launchArguments });
  });
  afterEach(async function closePages() {
    const test = this.currentTest;
    if (test?.state === "failed") await keepPictures(pages, test.title);
    await Promise.all(pages.map((page) => page.context().close()));
    const complaints = faults;
    pages = [];
    faults = [];
    if (test?.state !== "failed") expect(complaints, "complaints of the browser").to.deep.equal([]);
  });
  after(() => browser?.close());

  return async ({ refusals = [], ...options } = {}) => {
    const context = await browser.newContext({ ignoreHTTPSErrors: true, locale: "pt-BR", ...options });
    const page = await context.newPage();
    page.setDefaultTimeout(20_000);
    page.on("pageerror", (error) => faults.push(`error: ${error.message}`));
    page.on("console", (message) => {
      if (message.type() !== "error" && message.type() !== "warning") return;
      if (!refusals.some((status) => message.text().includes(`status of ${status}`)))
        faults.push(`${message.type()}: ${message.text()} (${message.location().url})`);
    });
    pages.push(page);
    return page;
  };
}

async function keepPictures(pages: readonly Page[], title: string): Promise<void> {
  for (const [i, page] of pages.entries()) {
    const path = join(tmpdir(), `secretaria-${title.replace(/\W+/g, "-").slice(0, 60)}-${i + 1}.png`);
    await page.screenshot({ path, fullPage: true }).catch(() => undefined);
    process.stderr.write(`      ${page.url()} → ${path}\n`);
  }
}

/** Fills in the fields of a form by their names and sends it with its own button. */
export async function sendForm(page: Page, form: string, values: Record<string, string>): Promise<void> {
  for (const [name, value] of Object.entries(values)) await page.fill(`${form} input[name=${name}]`, value);
  await page.click(`${form} button:not([type=button])`);
}
