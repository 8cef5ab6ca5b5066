import { hash, verify } from "@node-rs/argon2";

/** argon2id with the library's defaults (19 MiB, 2 passes: OWASP Password Storage). */
export const hashPassword = (password: string): Promise<string> => hash(password);

/** A hash of nothing anybody knows: an unknown e-mail costs the same time as a wrong password. */
const decoy = hash(crypto.randomUUID());

/** False for an unknown user (`stored` undefined or null) after as long as a wrong password takes. */
export async function passwordMatches(password: string, stored: string | null | undefined): Promise<boolean> {
  const matches = await verify(stored ?? (await decoy), password);
  return stored ? matches : false;
}
