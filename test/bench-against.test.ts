/** What can be said of `npm run bench -- … --against` without a benchmark. */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { after, before } from "mocha";
import { compareRounds, orderOf, sum } from "../bench/against/sides.ts";
import { readArguments } from "../bench/arguments.ts";
import { UsageError } from "../bench/usage-error.ts";
import { projectPath, projectRoot } from "../core/paths.ts";

describe("bench --against", () => {
  let folder: string;
  before(async () => void (folder = await mkdtemp(join(tmpdir(), "secretaria-checkout-"))));
  after(() => rm(folder, { recursive: true, force: true }));

  /** A folder with what a checkout of this name is known by, and no packages. */
  async function makeCheckout(name: string): Promise<string> {
    const checkout = join(folder, name);
    for (const program of ["control-plane", "tenant-runtime", "workers"]) {
      await mkdir(join(checkout, program), { recursive: true });
      await writeFile(join(checkout, program, "main.ts"), "");
    }
    await writeFile(join(checkout, "package.json"), JSON.stringify({ name }));
    return checkout;
  }

  const refuse = (pattern: RegExp, ...args: string[]) =>
    expect(() => readArguments(args)).to.throw(UsageError, pattern);

  it("takes a checkout with packages, and 7 rounds or more", () => {
    const asked = readArguments(["request", "--against", projectRoot, "--count", "7", "--json"]);
    expect(asked).to.include({ bench: "request", count: 7, against: projectRoot, json: true, tenants: undefined });
    refuse(/--count 6: .* at least 7 rounds/, "request", "--against", projectRoot, "--count", "6");
  });

  it("takes fewer rounds where there is no old release", () => {
    expect(readArguments(["fleet", "--count", "2"])).to.include({ count: 2, against: undefined });
  });

  it("refuses a folder that is missing, and one that is no checkout", async () => {
    refuse(/there is no such folder/, "provision", "--against", join(folder, "nowhere"));
    refuse(/no checkout of Secretária/, "provision", "--against", folder);
    refuse(/no checkout of Secretária/, "provision", "--against", await makeCheckout("other-project"));
  });

  it("says what to type where a checkout has no packages", async () => {
    const checkout = await makeCheckout("secretaria");
    refuse(/packages are missing: \(cd .* && npm ci\)$/, "fleet", "--against", checkout);
  });

  it("refuses unknown names, options and numbers", () => {
    refuse(/no benchmark 'reqest': name one of provision, request, fleet/, "reqest");
    refuse(/'fleet' is not understood/, "request", "fleet");
    refuse(/--tenants 0: must be a whole number from 1/, "fleet", "--tenants", "0");
    refuse(/--count many: must be a whole number from 1/, "fleet", "--count", "many");
    refuse(/--againt/, "fleet", "--againt", ".");
  });

  it("ends with 2 and one line before any server starts", async () => {
    const program = [projectPath("node_modules", "tsx", "dist", "cli.mjs"), projectPath("bench", "run.ts")];
    const { code, stderr } = await run([...program, "request", "--against", join(folder, "nowhere")]);
    expect({ code, stderr }).to.deep.equal({
      code: 2,
      stderr: `--against ${join(folder, "nowhere")}: there is no such folder\n`,
    });
  });

  it("measures old and new alternately, equally early in each block", () => {
    expect(orderOf(1, 1)).to.deep.equal(["new", "old", "old", "new"]);
    expect(orderOf(2, 1)).to.deep.equal(["old", "new", "new", "old"]);
    const order = orderOf(1, 3);
    const places = (side: string) => order.flatMap((one, place) => (one === side ? [place] : []));
    expect(places("old")).to.have.length(6);
    expect(sum(places("old"))).to.equal(sum(places("new")));
  });

  it("gives the median of new/old and the quartiles of the rounds", () => {
    const news = [140, 80, 100, 110, 90, 120, 130];
    const { ratios, figures } = compareRounds(news.map((value) => ({ new: value, old: 100 })));
    expect(ratios).to.deep.equal({ against: 1.1 });
    expect(figures).to.deep.equal({ againstLow: 0.95, againstHigh: 1.25, againstRounds: 7 });
  });
});

function run(args: readonly string[]): Promise<{ code: number | null; stderr: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [...args], (_error, _stdout, stderr) =>
      resolve({ code: child.exitCode, stderr }),
    );
  });
}
