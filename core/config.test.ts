import { expect } from "chai";
import { loadConfig } from "./config.ts";

describe("configuration", () => {
  it("has a default for every key", () => {
    expect(loadConfig({})).to.deep.include({
      DATA_DIR: ".data",
      CONTROL_PLANE_PORT: 4000,
      RUNTIME_HTTPS_PORT: 8443,
      BASE_DOMAIN: "localhost",
    });
    expect(loadConfig({ REDIS_URL: "" }).REDIS_URL).to.equal(undefined);
  });

  it("names every bad key at once, and repeats no value", () => {
    const bad = {
      DATABASE_URL: "mysql://root:hunter2@db",
      CONTROL_PLANE_PORT: "http",
      MASTER_KEY: "c2hvcnQ=",
      ADMIN_PASSWORD: "short",
    };
    const message = (() => {
      try {
        loadConfig(bad);
        return "";
      } catch (error) {
        return (error as Error).message;
      }
    })();
    for (const key of Object.keys(bad)) expect(message).to.include(key);
    for (const value of ["hunter2", "c2hvcnQ", "short\n"]) expect(message).not.to.include(value);
  });

  it("takes the first admin's e-mail and password together or not at all", () => {
    expect(() => loadConfig({ ADMIN_EMAIL: "a@b.co" })).to.throw("set both or neither");
  });
});
