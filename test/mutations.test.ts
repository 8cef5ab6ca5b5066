/** `npm run mutate`: there is a mutation of every defence that an attack names, each can be made, and some are tried here. */
import { expect } from "chai";
import { mutations } from "../scripts/mutate/mutations.ts";
import { mutate } from "../scripts/mutate/run-mutation.ts";
import { families } from "./attacks/families.ts";
import { runCli } from "./support/cli.ts";

const attacks = families.flatMap((family) => family.attacks);

describe("mutations of the isolation", () => {
  it("are of every defence, and name families that there are", () => {
    const defences = new Set(attacks.map(({ defence }) => defence));
    expect([...new Set(mutations.map(({ defence }) => defence))]).to.have.members([...defences]);
    expect(families.map(({ name }) => name)).to.include.members(mutations.map(({ family }) => family));
    expect(new Set(mutations.map(({ name }) => name)).size).to.equal(mutations.length);
  });

  it("stand against at least sixty attacks, no two of one name in a family", () => {
    expect(attacks.length).to.be.at.least(60);
    for (const family of families)
      expect(new Set(family.attacks.map(({ name }) => name)).size, family.name).to.equal(family.attacks.length);
  });

  it("can be made: each text stands once in its file", async () => {
    const faults = await Promise.all(mutations.map((mutation) => mutate(mutation).then(() => "", String)));
    expect(faults.filter(Boolean)).to.deep.equal([]);
  });

  it("are seen: a job that names its company", async () => {
    // isolation-attacks.test.ts shows that the attacks fail on the tree as it is.
    const args = ["--unchecked", "--json", "--only", "a job's data name the company"];
    const { status, stdout, stderr } = await runCli("scripts/mutate", args, { timeoutSeconds: 110 });
    expect(status, stdout + stderr).to.equal(0);
    expect((JSON.parse(stdout) as { verdict: string }).verdict).to.equal("killed");
  }).timeout(120_000);
});
