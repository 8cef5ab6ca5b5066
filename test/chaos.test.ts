/** A sample of `npm run chaos`; the whole matrix is run on demand. */
import { expect } from "chai";
import { runCli } from "./support/cli.ts";

describe("npm run chaos", () => {
  const run = (...args: string[]) => runCli("scripts/chaos", args);

  it("converges with two control planes: nothing twice, nothing orphaned", async () => {
    // A point of each column; the columns with one control plane are tried below.
    const args = ["--every", "92", "--control-planes", "2", "--json"];
    const { status, stdout, stderr, lines } = await runCli("scripts/chaos", args, { timeoutSeconds: 280 });
    expect(status, stdout + stderr).to.equal(0);
    const cells = lines.map((line) => JSON.parse(line) as { column: string; point: string; fault?: string });
    const columns = ["one of two", "both of two", "stalled"];
    expect(new Set(cells.map(({ column }) => column))).to.have.all.keys(columns);
    expect(cells.filter(({ fault }) => fault !== undefined)).to.deep.equal([]);
  }).timeout(300_000);

  it("draws a row for each point and a column for each victim, with the counts last", async () => {
    const args = ["--only", "suspend.row", "--control-planes", "1"];
    const { status, stdout, stderr } = await runCli("scripts/chaos", args, { timeoutSeconds: 110 });
    expect(status, stdout + stderr).to.equal(0);
    expect(stdout).to.match(/\n +control plane +PostgreSQL +Redis\n +killed +killed +killed\n/);
    expect(stdout).to.match(/\nsuspend +suspend\.row\.after( +ok [\d.]+ s){3}\n/);
    expect(stdout.trim().split("\n").at(-1)).to.equal("1 crash points × 3 victims: 3 green, 0 failed");
  }).timeout(120_000);

  it("names every resource's points, before and after, for making and for removing", async () => {
    const { stdout } = await run("--list");
    for (const name of ["database", "cache", "queue", "owner", "dns", "certificate", "worker"]) {
      for (const state of ["active", "deleted"]) {
        for (const side of ["before", "after"]) expect(stdout).to.include(`${state}.${name}.${side}`);
      }
    }
  });

  it("fails when nothing was tried, instead of counting it as green", async () => {
    const { status, stdout } = await run("--only", "no such point");
    expect(status).to.equal(1);
    expect(stdout).to.include("0 green");
  });

  it("refuses arguments that it does not know", async () => {
    for (const wrong of [["--victim", "dns"], ["--every", "0"], ["--sometimes"]])
      expect((await run(...wrong)).status, wrong.join(" ")).to.equal(2);
  });
});
