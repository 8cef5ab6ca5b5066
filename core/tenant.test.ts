import { expect } from "chai";
import { queuePrefix, redisNamespace, schemaName, slugFromName, slugProblem, tenantHost } from "./tenant.ts";

describe("tenant names", () => {
  it("are derived from the id", () => {
    expect(schemaName(42)).to.equal("tenant_42");
    expect(redisNamespace(42)).to.equal("tenant:{42}:");
    expect(queuePrefix(42)).to.equal("tenant:{42}:queue");
    expect(tenantHost("chat", "acme", "exemplo.com.br")).to.equal("chat.acme.exemplo.com.br");
  });

  it("are made of no id but a positive integer", () => {
    for (const id of [0, -1, 1.5, Number.NaN, 2 ** 60, "1; DROP SCHEMA public" as never]) {
      expect(() => schemaName(id), String(id)).to.throw(RangeError);
    }
  });

  it("of companies become slugs that are always valid", () => {
    const slugs: Record<string, string> = {
      "Padaria São João Ltda.": "padaria-sao-joao-ltda",
      "  Açaí & Cia  ": "acai-cia",
      "3 Irmãos": "irmaos",
      API: "empresa-api",
      東京: "empresa",
      "!!": "empresa",
      "Uma empresa com um nome muito comprido mesmo": "uma-empresa-com-um-nome-muit",
    };
    for (const [name, slug] of Object.entries(slugs)) {
      expect(slugFromName(name), name).to.equal(slug);
      expect(slugProblem(slug), slug).to.equal(undefined);
    }
  });
});
