import { expect } from "chai";
import { serializeError } from "./logger.ts";

describe("the log", () => {
  it("keeps a server's reason and never the statement, in message and stack", () => {
    const error = Object.assign(new Error("ALTER ROLE x PASSWORD 'hunter2' - permission denied"), { code: "42501" });
    const line = JSON.stringify(serializeError(error));
    expect(line).to.include("permission denied").and.include("42501").and.not.include("hunter2");
  });

  it("keeps no password of a URL", () => {
    expect(JSON.stringify(serializeError(new Error("no redis://u:hunter2@h")))).not.to.include("hunter2");
  });
});
