/** JWTs (ES256). One key set signs for the platform, another for tenants: neither accepts the other's tokens. */
import { createPrivateKey, createPublicKey, randomUUID, type JsonWebKey, type KeyObject } from "node:crypto";
import jwt from "jsonwebtoken";
import { AppError } from "./errors.ts";
import type { SigningKey } from "./signing-keys.ts";

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
  /**
   * A key that is not known is looked for once more, so that keys can be changed while programs run.
   * @throws AppError `token-invalid` for anything but a live token of this purpose and audience; what `reload` throws.
   */
  verify(token: string, audience: string): Promise<Claims>;
  /** What others verify these tokens with now (RFC 7517). */
  publicKeys(): { readonly keys: readonly JsonWebKey[] };
}

const issuer = "secretaria";
/** How often unknown keys, which anybody can invent, make a program ask the database. */
const patienceMs = 10_000;
/** A program that never meets the new key learns of it all the same, long before the old one's tokens are refused. */
const renewalMs = 5 * 60_000;

interface KeyRing {
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicKeys: ReadonlyMap<string, KeyObject>;
}

/**
 * @param keys newest first: the first signs, all verify.
 * @param reload reads them again; without it they stay what they are.
 */
export function createTokenService(
  keys: readonly SigningKey[],
  reload: () => Promise<readonly SigningKey[]> = () => Promise.resolve(keys),
): TokenService {
  let ring = openRing(keys);
  let readAt = Date.now();
  let triedAt = 0;
  let reading: Promise<void> | undefined;
  const read = async () => {
    triedAt = Date.now();
    ring = openRing(await reload());
    readAt = Date.now();
  };
  const isStale = () => Date.now() - readAt >= renewalMs && Date.now() - triedAt >= patienceMs;
  const readOnce = () => (reading ??= read().finally(() => (reading = undefined)));

  const renew = () => {
    // A failure is tried again later; meanwhile the keys that are known go on.
    if (isStale()) readOnce().catch(() => undefined);
  };

  return {
    publicKeys() {
      renew();
      return { keys: [...ring.publicKeys].map(toJwk) };
    },
    sign(claims, audience, ttlSeconds, jti = randomUUID()) {
      renew();
      const options = { algorithm: "ES256", issuer, audience, expiresIn: ttlSeconds, jwtid: jti } as const;
      return {
        token: jwt.sign(claims, ring.privateKey, { ...options, keyid: ring.kid }),
        expiresAt: new Date(Date.now() + ttlSeconds * 1000),
        jti,
      };
    },
    async verify(token, audience) {
      const kid = kidOf(token);
      const mayTry = reading !== undefined || Date.now() - triedAt >= patienceMs;
      if (mayTry && !ring.publicKeys.has(kid)) await readOnce();
      renew();
      try {
        const publicKey = ring.publicKeys.get(kid);
        if (publicKey === undefined) throw new Error("unknown key");
        // The algorithm is pinned: a token that names 'none' or HS256 fails whatever its signature is.
        return jwt.verify(token, publicKey, { algorithms: ["ES256"], issuer, audience }) as unknown as Claims;
      } catch (error) {
        throw new AppError("token-invalid", "Sign in again to get a fresh token.", { cause: error });
      }
    },
  };
}

/** Parsed once: parsing a PEM key costs more than a signature. */
function openRing(keys: readonly SigningKey[]): KeyRing {
  const signing = keys[0];
  if (signing === undefined) throw new Error("no signing key: run 'npm run migrate -- setup' first");
  const publicKeys = new Map(keys.map((key) => [key.kid, createPublicKey(key.publicKey)]));
  return { kid: signing.kid, privateKey: createPrivateKey(signing.privateKey), publicKeys };
}

const toJwk = ([kid, key]: [string, KeyObject]): JsonWebKey =>
  Object.assign(key.export({ format: "jwk" }), { kid, use: "sig", alg: "ES256" });

/** Empty for what is no token. */
function kidOf(token: string): string {
  try {
    return jwt.decode(token, { complete: true })?.header.kid ?? "";
  } catch {
    return "";
  }
}
