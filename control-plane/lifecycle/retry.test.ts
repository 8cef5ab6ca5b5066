import { expect } from "chai";
import { ResourceError } from "../../core/errors.ts";
import { classifyFailure } from "./retry.ts";

describe("retry", () => {
  const delays = (error: unknown, random: number) =>
    [1, 2, 3, 9, 30].map((attempt) => classifyFailure(error, attempt, () => random).delaySeconds);

  it("backs off from a second to five minutes, with jitter of a half", () => {
    expect(delays(new Error("x"), 1)).to.deep.equal([1, 2, 4, 256, 300]);
    expect(delays(new Error("x"), 0)).to.deep.equal([0.5, 1, 2, 128, 150]);
  });

  it("waits exactly as long as a rate limit says", () => {
    const error = new ResourceError("rate-limited", "acme", "slow down", { retryAfterSeconds: 77 });
    expect(delays(error, 0.3)).to.deep.equal([77, 77, 77, 77, 77]);
  });

  it("leaves what a retry cannot repair to a person", () => {
    for (const retry of ["permanent", "conflict"] as const) {
      expect(classifyFailure(new ResourceError(retry, "x", "y"), 1).delaySeconds).to.equal(null);
    }
  });

  it("keeps no password of a URL in the message", () => {
    const failure = classifyFailure(new Error("connect redis://u:hunter2@h:1 failed"), 1);
    expect(failure.message).to.equal("connect redis://…@h:1 failed");
  });
});
