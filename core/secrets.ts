/** The master key and what is made with it. Secrets live here, sealed in the database, or nowhere. */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  hkdfSync,
  pbkdf2Sync,
  randomBytes,
  randomUUID,
} from "node:crypto";
import { existsSync, linkSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "./config.ts";

export interface Secrets {
  /** AES-256-GCM; `context` (e.g. `certificate:chat.acme.localhost`) must be the same when opening. */
  seal(plain: string, context: string): string;
  /** @throws Error when the text was changed, or belongs to another context or master key. */
  open(sealed: string, context: string): string;
  /** A stable 43-character secret for one purpose (HKDF-SHA256, RFC 5869): the same after a crash, kept nowhere. */
  derive(purpose: string): string;
}

/** @param masterKey 32 bytes. */
export function createSecrets(masterKey: Buffer): Secrets {
  const sealingKey = hkdf(masterKey, "seal");
  return {
    seal(plain, context) {
      const nonce = randomBytes(12);
      const cipher = createCipheriv("aes-256-gcm", sealingKey, nonce).setAAD(Buffer.from(context));
      const body = Buffer.concat([cipher.update(plain, "utf8"), cipher.final()]);
      return `v1.${Buffer.concat([nonce, cipher.getAuthTag(), body]).toString("base64url")}`;
    },
    open(sealed, context) {
      if (!sealed.startsWith("v1.")) throw new Error("sealed text of an unknown version");
      const bytes = Buffer.from(sealed.slice(3), "base64url");
      const decipher = createDecipheriv("aes-256-gcm", sealingKey, bytes.subarray(0, 12)).setAAD(Buffer.from(context));
      decipher.setAuthTag(bytes.subarray(12, 28));
      return Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString("utf8");
    },
    derive: (purpose) => hkdf(masterKey, `derive:${purpose}`).toString("base64url"),
  };
}

/** MASTER_KEY, or the key file of DATA_DIR, made with mode 0600 when it is missing. */
export function loadMasterKey(config: Config): Buffer {
  if (config.MASTER_KEY !== undefined) return Buffer.from(config.MASTER_KEY, "base64");
  const path = join(config.DATA_DIR, "master.key");
  mkdirSync(config.DATA_DIR, { recursive: true });
  if (!existsSync(path)) makeKeyFile(path);
  const key = Buffer.from(readFileSync(path, "utf8").trim(), "base64");
  if (key.length !== 32) throw new Error(`${path} does not hold 32 bytes in base64; restore it from a backup`);
  return key;
}

/** The key appears whole or not at all, and of several processes that start together the first one's is everybody's. */
function makeKeyFile(path: string): void {
  const draft = `${path}.${randomUUID()}`;
  writeFileSync(draft, `${randomBytes(32).toString("base64")}\n`, { mode: 0o600, flag: "wx", flush: true });
  try {
    linkSync(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    unlinkSync(draft);
  }
}

/** 256 random bits for links and refresh tokens; only its hash is stored. */
export const randomToken = (): string => randomBytes(32).toString("base64url");
export const sha256Hex = (text: string): string => createHash("sha256").update(text).digest("hex");

/** PostgreSQL's stored form of a password (RFC 5803), so that the password itself is never in a statement or a server log. */
export function scramVerifier(password: string): string {
  const salt = randomBytes(16);
  const salted = pbkdf2Sync(password, salt, 4096, 32, "sha256");
  const hmac = (text: string) => createHmac("sha256", salted).update(text).digest();
  const storedKey = createHash("sha256").update(hmac("Client Key")).digest("base64");
  return `SCRAM-SHA-256$4096:${salt.toString("base64")}$${storedKey}:${hmac("Server Key").toString("base64")}`;
}

function hkdf(key: Buffer, info: string): Buffer {
  return Buffer.from(hkdfSync("sha256", key, "secretaria", info, 32));
}
