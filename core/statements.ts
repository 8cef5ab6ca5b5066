/** Statements that the platform signs for others to keep: JSON Web Signatures (RFC 7515), ES256, without an end. */
import { createPrivateKey, createPublicKey } from "node:crypto";
import jwt from "jsonwebtoken";
import type { Knex } from "./db.ts";
import type { SigningKey } from "./signing-keys.ts";

/** @param type what it states, e.g. `secretaria-deletion+jws`; goes into the header's `typ`. */
export function signStatement(key: SigningKey, type: string, statement: object): string {
  return jwt.sign(statement, createPrivateKey(key.privateKey), {
    algorithm: "ES256",
    keyid: key.kid,
    noTimestamp: true,
    header: { alg: "ES256", typ: type },
  });
}

/** What was stated. @throws Error when it is of another type, its key is not this platform's, or a byte of it was changed. */
export async function verifyStatement(db: Knex, type: string, jws: string): Promise<unknown> {
  const header = jwt.decode(jws, { complete: true })?.header;
  if (header?.typ !== type) throw new Error(`this is no signed statement of type ${type}`);
  // Retired keys verify what they signed while they were in use.
  const key = await db("signing_keys")
    .where({ kid: header.kid ?? "", purpose: "platform" })
    .first("public_key");
  if (key === undefined) throw new Error("it was signed with a key that is not this platform's");
  return jwt.verify(jws, createPublicKey(key.public_key as string), { algorithms: ["ES256"], ignoreExpiration: true });
}
