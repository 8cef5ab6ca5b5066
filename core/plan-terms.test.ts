import { expect } from "chai";
import { readPlanTerms } from "./plan-terms.ts";

describe("the terms of a plan", () => {
  it("are what the plan says, and the default where it says nothing that makes sense", () => {
    const terms = readPlanTerms({ users_limit: 3, requests_per_second: "many", statement_timeout_ms: -1, other: 5 });
    expect(terms).to.include({ usersLimit: 3, requestsPerSecond: 200, statementTimeoutMs: 15_000 });
    expect(terms).not.to.have.property("other");
    expect(readPlanTerms(null).usersLimit).to.equal(Infinity);
  });
});
