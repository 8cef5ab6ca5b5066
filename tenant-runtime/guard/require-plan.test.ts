import { expect } from "chai";
import type { Request, Response } from "express";
import { requirePlan } from "./require-plan.ts";

describe("a gate for plans", () => {
  const pass = (plan: string): string => {
    let passed = "stopped";
    try {
      const req = { tenant: { plan } } as Request;
      void requirePlan("premium", "enterprise")(req, {} as Response, () => (passed = "passed"));
    } catch (error) {
      passed = (error as { code: string }).code;
    }
    return passed;
  };

  it("lets through the plans that it names, and no other", () => {
    expect(["premium", "enterprise", "basic", ""].map(pass)).to.deep.equal([
      "passed",
      "passed",
      "module-not-in-plan",
      "module-not-in-plan",
    ]);
  });
});
