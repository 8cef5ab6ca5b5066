/** `npm run soak` with fewer requests: whatever is aborted, too slow or killed, nobody sees another's row. */
import { expect } from "chai";
import { runCli } from "./support/cli.ts";

describe("npm run soak", () => {
  it("shows each tenant its own rows only, and loses no write that it answered", async () => {
    const args = ["--requests", "2000", "--tenants", "10", "--seed", "7", "--json"];
    const { status, stdout, stderr } = await runCli("scripts/soak", args, { timeoutSeconds: 100 });
    expect(status, stdout + stderr).to.equal(0);
    const { faults, ...counts } = JSON.parse(stdout) as Record<string, number> & { faults: string[] };
    expect(faults).to.deep.equal([]);
    expect(counts).to.include({ leaks: 0, lost: 0, unexpected: 0 });
    expect(counts["rows"]).to.be.at.least(4_000);
    for (const what of ["written", "aborted", "timedOut", "killed"]) expect(counts[what], what).to.be.at.least(5);
  }).timeout(120_000);
});
