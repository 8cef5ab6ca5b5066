/** Keys that sign tokens and manifests, private halves sealed; one set for the platform, one for tenants. */
import { generateKeyPairSync, randomUUID } from "node:crypto";
import type { Knex } from "./db.ts";
import type { Secrets } from "./secrets.ts";

export type KeyPurpose = "platform" | "tenant";

export interface SigningKey {
  readonly kid: string;
  readonly publicKey: string;
  readonly privateKey: string;
}

/** Makes the first key of a purpose when there is none. Safe to run from several processes at once. */
export async function ensureSigningKey(db: Knex, secrets: Secrets, purpose: KeyPurpose): Promise<void> {
  const { privateKey, publicKey } = generateKeyPairSync("ec", {
    namedCurve: "P-256",
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  const kid = randomUUID();
  await db.raw(
    `INSERT INTO signing_keys (kid, purpose, public_key, private_key_sealed)
     SELECT ?, ?, ?, ? WHERE NOT EXISTS (SELECT FROM signing_keys WHERE purpose = ? AND retired_at IS NULL)
     ON CONFLICT DO NOTHING`,
    [kid, purpose, publicKey, secrets.seal(privateKey, `signing-key:${kid}`), purpose],
  );
}

/** The next key signs from now on; tokens of the one before are good for another day. Programs need no restart. */
export const rotateSigningKey = (db: Knex, secrets: Secrets, purpose: KeyPurpose): Promise<void> =>
  db.transaction(async (trx) => {
    await trx("signing_keys").where({ purpose }).whereNull("retired_at").update({ retired_at: trx.fn.now() });
    await ensureSigningKey(trx, secrets, purpose);
  });

/** The live key of a purpose, then those retired within a day, private keys opened. */
export async function loadSigningKeys(db: Knex, secrets: Secrets, purpose: KeyPurpose): Promise<SigningKey[]> {
  const rows = await db("signing_keys")
    .where({ purpose })
    .whereRaw("(retired_at IS NULL OR retired_at > now() - interval '1 day')")
    .orderByRaw("retired_at DESC NULLS FIRST");
  return rows.map((row: { kid: string; public_key: string; private_key_sealed: string }) => ({
    kid: row.kid,
    publicKey: row.public_key,
    privateKey: secrets.open(row.private_key_sealed, `signing-key:${row.kid}`),
  }));
}
