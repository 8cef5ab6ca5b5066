import { expect } from "chai";
import { readPreference } from "./prefer.ts";

describe("the Prefer header", () => {
  const cases: readonly [string | undefined, ReturnType<typeof readPreference>][] = [
    [undefined, {}],
    ["respond-async", { waitSeconds: 0, applied: "respond-async" }],
    ["wait=5", { waitSeconds: 5, applied: "wait=5" }],
    ["respond-async, wait=5", { waitSeconds: 5, applied: "wait=5" }],
    ["wait=100", { waitSeconds: 60, applied: "wait=60" }],
    ["handling=lenient, wait=x", {}],
  ];
  for (const [header, preference] of cases) {
    it(`${header ?? "absent"} → ${preference.applied ?? "the default"}`, () => {
      expect(readPreference(header)).to.deep.equal(preference);
    });
  }
});
