/** X.509 without a shell: a small certificate authority and the certificates it signs (ECDSA P-256, RFC 5280). */
import "reflect-metadata";
import { randomBytes, webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";

x509.cryptoProvider.set(webcrypto as never);

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const dayMs = 86_400_000;

/** PEM pair; `certificate` may be a chain, leaf first. */
export interface KeyAndCertificate {
  readonly certificate: string;
  readonly privateKey: string;
}

export interface IssuedCertificate extends KeyAndCertificate {
  readonly serial: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** A self-signed authority that may sign end-entity certificates only; ten years. */
export async function createAuthority(commonName: string): Promise<KeyAndCertificate> {
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerial(),
    name: `CN=${commonName}`,
    ...validity(3650),
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: certificate.toString("pem"), privateKey: await privatePem(keys.privateKey) };
}

/** An authority that is ready to sign: parsed once, for parsing costs more than signing. */
export interface Signer {
  /** Its certificate as PEM, for the chain. */
  readonly certificate: string;
  /** A server certificate for `names` (the first is the common name), without the chain. */
  sign(names: readonly string[], days?: number): Promise<IssuedCertificate>;
}

/** @throws Error when certificate or key do not parse. */
export async function openAuthority(authority: KeyAndCertificate): Promise<Signer> {
  const issuer = new x509.X509Certificate(authority.certificate);
  const signingKey = await importPrivate(authority.privateKey);
  const issuerName = issuer.subjectName;
  const extensions = [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
    await x509.AuthorityKeyIdentifierExtension.create(issuer),
  ];
  return {
    certificate: authority.certificate,
    async sign(names, days = 90) {
      const keys = await newKeys();
      const serial = newSerial();
      const { notBefore, notAfter } = validity(days);
      const alternativeNames = names.map((value) => ({ type: "dns" as const, value }));
      const certificate = await x509.X509CertificateGenerator.create({
        serialNumber: serial,
        subject: [{ CN: [names[0] ?? "localhost"] }],
        issuer: issuerName,
        notBefore,
        notAfter,
        publicKey: keys.publicKey,
        signingKey,
        signingAlgorithm: algorithm,
        extensions: [...extensions, new x509.SubjectAlternativeNameExtension(alternativeNames)],
      });
      return {
        certificate: certificate.toString("pem"),
        privateKey: await privatePem(keys.privateKey),
        serial,
        notBefore,
        notAfter,
      };
    },
  };
}

/** Names and life of a PEM certificate. @throws Error when it is not one. */
export function readCertificate(pem: string): { names: string[]; notAfter: Date } {
  const certificate = new x509.X509Certificate(pem);
  const san = certificate.getExtension(x509.SubjectAlternativeNameExtension);
  const names = san?.names.items.filter((item) => item.type === "dns").map((item) => item.value) ?? [];
  return { names, notAfter: certificate.notAfter };
}

const newKeys = () => webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);

// The top bit stays clear: a serial is a positive integer of at most 20 octets (RFC 5280, 4.1.2.2).
const newSerial = () => `0${randomBytes(16).toString("hex").slice(1)}`;

function validity(days: number): { notBefore: Date; notAfter: Date } {
  // An hour back, for clients whose clock is slow.
  const notBefore = new Date(Date.now() - 3_600_000);
  return { notBefore, notAfter: new Date(Date.now() + days * dayMs) };
}

async function privatePem(key: webcrypto.CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", key), "PRIVATE KEY");
}

function importPrivate(pem: string): Promise<webcrypto.CryptoKey> {
  const der = x509.PemConverter.decode(pem)[0];
  if (der === undefined) throw new Error("no private key in the PEM text");
  return webcrypto.subtle.importKey("pkcs8", der, algorithm, true, ["sign"]);
}
