/** A sample of `npm run chaos`; the whole matrix is run on demand. */
import { spawnSync } from "node:child_process";
import { expect } from "chai";
import { projectPath } from "../core/paths.ts";

describe("npm run chaos", () => {
  const run = (...args: string[]) =>
    spawnSync(process.execPath, ["--import", "tsx", projectPath("scripts/chaos.ts"), ...args], { encoding: "utf8" });

  it("converges after a crash at every ninth point, with nothing twice and nothing orphaned", () => {
    const { status, stdout, stderr } = run("--every", "9");
    expect(status, stdout + stderr).to.equal(0);
    const points = stdout.trim().split("\n").slice(0, -1);
    expect(points).to.have.length.greaterThan(4);
    for (const line of points) expect(line).to.match(/ ok, converged [\d.]+ s after the restart$/);
    expect(stdout).to.include(`${points.length} crash points, ${points.length} green, 0 failed`);
  }).timeout(180_000);

  it("names every resource's points, before and after, for making and for removing", () => {
    const { stdout } = run("--list");
    for (const name of ["database", "cache", "queue", "owner", "dns", "certificate", "worker"]) {
      for (const state of ["active", "deleted"]) {
        for (const side of ["before", "after"]) expect(stdout).to.include(`${state}.${name}.${side}`);
      }
    }
  });

  it("fails when a point is never reached, instead of counting it as green", () => {
    expect(run("--only", "no such point").status).to.equal(1);
  }).timeout(120_000);
});
