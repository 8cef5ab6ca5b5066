import { expect } from "chai";
import { normaliseHost } from "./host-name.ts";

/** As node hands a header over: one character a byte. */
const header = (text: string) => Buffer.from(text, "utf8").toString("latin1");

describe("a host's name", () => {
  it("is one, however it is written", () => {
    const spellings: Record<string, string[]> = {
      "api.acme.localhost": [
        "api.acme.localhost",
        "API.Acme.LOCALHOST",
        "api.acme.localhost.",
        "api.acme.localhost.:443",
      ],
      "api.xn--po-sia.localhost": [
        "api.xn--po-sia.localhost",
        "API.XN--PO-SIA.localhost",
        header("api.pão.localhost"),
        header("API.PÃO.localhost.:8443"),
        // Decomposed, with an ideographic full stop, in full width: one name to UTS 46, as in a browser's address bar.
        header("api.pa\u0303o.localhost"),
        header("api。pão。localhost"),
        header("ａｐｉ.pão.localhost"),
      ],
    };
    for (const [name, texts] of Object.entries(spellings))
      for (const text of texts) expect(normaliseHost(text), text).to.equal(name);
  });

  it("is none when it only could be read as one", () => {
    const strangers = [
      "",
      ".",
      ":443",
      "api.acme.localhost..",
      "api..acme.localhost",
      "api.acme.localhost:443:443",
      "api.acme.localhost:x",
      "api.acme.localhost/",
      "api%2eacme.localhost",
      "api_acme.localhost",
      "api.acme.localhost, api.other.localhost",
      "user@api.acme.localhost",
      "api.acme.localhost\t",
      header("api.pão.localhost/x"),
      header("user@api.pão.localhost"),
      header("api%2epão.localhost"),
      header("api.pão.localhost#"),
      header("api.pão.localhost／x"),
      header("api.pão.localhost％2e"),
      header("api_pão.localhost"),
      header("api.pão .localhost"),
      // Not UTF-8, an overlong 'a', and characters whose low bytes are letters.
      Buffer.from("api.p\u00e3o.localhost", "latin1").toString("latin1"),
      `api.${Buffer.from([0xc1, 0xa1]).toString("latin1")}.localhost`,
      "\u0161\u0170\u0169.acme.localhost",
    ];
    for (const text of strangers) expect(normaliseHost(text), JSON.stringify(text)).to.equal(undefined);
  });
});
