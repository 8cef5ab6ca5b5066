import { expect } from "chai";
import { generateKeyPairSync, randomUUID } from "node:crypto";
import { type SigningKey } from "./signing-keys.ts";
import { createTokenService } from "./tokens.ts";

describe("signing keys that change while a program runs", () => {
  const makeKey = (): SigningKey => ({
    kid: randomUUID(),
    ...generateKeyPairSync("ec", {
      namedCurve: "P-256",
      publicKeyEncoding: { type: "spki", format: "pem" },
      privateKeyEncoding: { type: "pkcs8", format: "pem" },
    }),
  });
  const [old, next, foreign] = [makeKey(), makeKey(), makeKey()];
  const claims = { sub: "1", sid: "2", type: "access", role: "owner" };
  const signedBy = (key: SigningKey) => createTokenService([key]).sign(claims, "here", 60).token;
  const codeOf = (promise: Promise<unknown>) => promise.then(() => "accepted").catch((error) => error.code as string);

  it("are read again for a key that is not known, and then sign", async () => {
    const service = createTokenService([old], () => Promise.resolve([next, old]));
    const before = service.sign(claims, "here", 60).token;
    expect(await codeOf(service.verify(signedBy(next), "here"))).to.equal("accepted");
    expect(await codeOf(service.verify(before, "here"))).to.equal("accepted");
    const { token } = service.sign(claims, "here", 60);
    expect(await codeOf(createTokenService([next]).verify(token, "here"))).to.equal("accepted");
  });

  it("are read once for many unknown keys, asked for at once and one after the other", async () => {
    let reads = 0;
    const service = createTokenService([old], async () => {
      reads += 1;
      return [old];
    });
    const attempts = Array.from({ length: 20 }, () => codeOf(service.verify(signedBy(foreign), "here")));
    expect(new Set(await Promise.all(attempts))).to.deep.equal(new Set(["token-invalid"]));
    expect(await codeOf(service.verify(signedBy(foreign), "here"))).to.equal("token-invalid");
    for (const text of ["", "a.b.c", "no token"])
      expect(await codeOf(service.verify(text, "here"))).to.equal("token-invalid");
    expect(reads).to.equal(1);
  });

  it("are all known to those who ask while they are read", async () => {
    const service = createTokenService([old], () => Promise.resolve([next, old]));
    const answers = await Promise.all([1, 2, 3].map(() => codeOf(service.verify(signedBy(next), "here"))));
    expect(answers).to.deep.equal(["accepted", "accepted", "accepted"]);
  });
});
