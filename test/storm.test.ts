/** `npm run chaos -- --storm` with fewer companies: whoever is killed meanwhile, each client has its company, once. */
import { expect } from "chai";
import { runCli } from "./support/cli.ts";

describe("npm run chaos -- --storm", () => {
  it("makes every company once while control planes, Redis and PostgreSQL are killed", async () => {
    const args = ["--storm", "--companies", "16", "--at-once", "8", "--seed", "20"];
    const { status, stdout, stderr } = await runCli("scripts/chaos", args, { timeoutSeconds: 240 });
    expect(status, stdout + stderr).to.equal(0);
    expect(stdout).to.include("Redis was killed").and.include("PostgreSQL was killed");
    const kills = Array.from(stdout.matchAll(/control plane \d was killed (\d+) times/g), ([, times]) => Number(times));
    expect(kills).to.have.length(2);
    expect(Math.min(...kills), stdout).to.be.at.least(1);
    expect(stdout).to.match(/ok +16 companies active\n/);
    expect(stdout).to.match(/ok +0 orphans in the report/);
    expect(stdout.trim().split("\n").at(-1)).to.match(/^16 companies, seed 20: \d+ counts green, 0 failed$/);
  }).timeout(300_000);
});
