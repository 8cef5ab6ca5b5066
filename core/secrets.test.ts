import { expect } from "chai";
import { createSecrets, scramVerifier } from "./secrets.ts";

describe("secrets", () => {
  const secrets = createSecrets(Buffer.alloc(32, 1));

  it("open only what was sealed, in the same context, with the same master key", () => {
    const sealed = secrets.seal("chave", "certificate:1");
    expect(sealed).not.to.include("chave");
    expect(secrets.open(sealed, "certificate:1")).to.equal("chave");
    expect(() => secrets.open(sealed, "certificate:2")).to.throw();
    expect(() => createSecrets(Buffer.alloc(32, 2)).open(sealed, "certificate:1")).to.throw();
    const changed = `${sealed.slice(0, -2)}${sealed.endsWith("AA") ? "BB" : "AA"}`;
    expect(() => secrets.open(changed, "certificate:1")).to.throw();
  });

  it("seal the same text differently each time", () => {
    expect(secrets.seal("x", "y")).not.to.equal(secrets.seal("x", "y"));
  });

  it("derive the same secret for the same purpose, and another for any other", () => {
    expect(secrets.derive("redis:tenant_1")).to.equal(secrets.derive("redis:tenant_1")).and.have.length(43);
    expect(secrets.derive("redis:tenant_1")).not.to.equal(secrets.derive("redis:tenant_2"));
    expect(secrets.derive("redis:tenant_1")).not.to.equal(createSecrets(Buffer.alloc(32, 2)).derive("redis:tenant_1"));
  });

  it("become a SCRAM verifier that does not hold the password", () => {
    expect(scramVerifier("senha"))
      .to.match(/^SCRAM-SHA-256\$4096:[\w+/=]+\$[\w+/=]+:[\w+/=]+$/)
      .and.not.include("senha");
  });
});
