import type { Knex } from "../../core/db.ts";
import type { Secrets } from "../../core/secrets.ts";
import { createAuthority, openAuthority, type IssuedCertificate, type KeyAndCertificate } from "../../core/x509.ts";

/** Who signs certificates. */
export interface Issuer {
  readonly name: string;
  /** One certificate for all names. @throws ResourceError saying whether and when to try again. */
  issue(names: readonly string[]): Promise<IssuedCertificate>;
}

const authorityName = "local";

/** Signs with the platform's own authority, made at the first start and kept sealed in the database. */
export async function localIssuer(db: Knex, secrets: Secrets): Promise<Issuer> {
  const authority = await openAuthority(await loadAuthority(db, secrets));
  return {
    name: authorityName,
    issue: async (names) => {
      const leaf = await authority.sign(names);
      return { ...leaf, certificate: `${leaf.certificate.trim()}\n${authority.certificate.trim()}\n` };
    },
  };
}

/** Of several processes that start at once, the first to write decides; all read what was written. */
async function loadAuthority(db: Knex, secrets: Secrets): Promise<KeyAndCertificate> {
  const seal = `certificate-authority:${authorityName}`;
  const find = () => db("certificate_authorities").where({ name: authorityName }).first();
  let row = await find();
  if (row === undefined) {
    const made = await createAuthority("Secretária local CA");
    const sealed = secrets.seal(made.privateKey, seal);
    await db("certificate_authorities")
      .insert({ name: authorityName, certificate: made.certificate, private_key_sealed: sealed })
      .onConflict("name")
      .ignore();
    row = await find();
  }
  return { certificate: row.certificate, privateKey: secrets.open(row.private_key_sealed, seal) };
}
