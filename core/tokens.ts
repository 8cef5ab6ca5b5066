/** Signing keys and JWTs (ES256). One key set signs for the platform, another for tenants: neither accepts the other's tokens. */
import { createPrivateKey, createPublicKey, generateKeyPairSync, randomUUID } from "node:crypto";
import jwt from "jsonwebtoken";
import type { Knex } from "./db.ts";
import { AppError } from "./errors.ts";
import type { Secrets } from "./secrets.ts";

export type KeyPurpose = "platform" | "tenant";

export interface SigningKey {
  readonly kid: string;
  readonly publicKey: string;
  readonly privateKey: string;
}

export interface Claims {
  readonly sub: string;
  readonly jti: string;
  readonly exp: number;
  readonly type: string;
  readonly role: string;
  /** Row of user_sessions that the token lives with. */
  readonly sid: string;
  readonly tenant_id?: number;
  readonly plan?: string;
  /** Who really acts, when that is nobody of the company. */
  readonly act?: { readonly sub: string };
}

export interface TokenService {
  /** @param ttlSeconds life of the token from now. @param jti UUID to revoke it by; a new one when absent. */
  sign(
    claims: Omit<Claims, "exp" | "jti">,
    audience: string,
    ttlSeconds: number,
    jti?: string,
  ): { token: string; expiresAt: Date; jti: string };
  /** @throws AppError `token-invalid` for anything but a live token of this purpose and audience. */
  verify(token: string, audience: string): Claims;
}

const issuer = "secretaria";

/** @param keys newest first: the first signs, all verify. */
export function createTokenService(keys: readonly SigningKey[]): TokenService {
  const signing = keys[0];
  if (signing === undefined) throw new Error("no signing key: run 'npm run migrate -- setup' first");
  // Parsed once: parsing a PEM key costs more than a signature.
  const privateKey = createPrivateKey(signing.privateKey);
  const publicKeys = new Map(keys.map((key) => [key.kid, createPublicKey(key.publicKey)]));
  return {
    sign(claims, audience, ttlSeconds, jti = randomUUID()) {
      const options = {
        algorithm: "ES256",
        keyid: signing.kid,
        issuer,
        audience,
        expiresIn: ttlSeconds,
        jwtid: jti,
      } as const;
      return {
        token: jwt.sign(claims, privateKey, options),
        expiresAt: new Date(Date.now() + ttlSeconds * 1000),
        jti,
      };
    },
    verify(token, audience) {
      try {
        const kid = jwt.decode(token, { complete: true })?.header.kid ?? "";
        const publicKey = publicKeys.get(kid);
        if (publicKey === undefined) throw new Error("unknown key");
        // The algorithm is pinned: a token that names 'none' or HS256 fails whatever its signature is.
        return jwt.verify(token, publicKey, { algorithms: ["ES256"], issuer, audience }) as unknown as Claims;
      } catch (error) {
        throw new AppError("token-invalid", "Sign in again to get a fresh token.", { cause: error });
      }
    },
  };
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

/** All live keys of a purpose, newest first, private keys opened. `source` is the table or a view with its columns. */
export async function loadSigningKeys(db: Knex, secrets: Secrets, purpose: KeyPurpose): Promise<SigningKey[]> {
  const rows = await db("signing_keys").where({ purpose }).whereNull("retired_at").orderBy("created_at", "desc");
  return rows.map((row: { kid: string; public_key: string; private_key_sealed: string }) => ({
    kid: row.kid,
    publicKey: row.public_key,
    privateKey: secrets.open(row.private_key_sealed, `signing-key:${row.kid}`),
  }));
}
