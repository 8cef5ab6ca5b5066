/** A new signing key for the platform's tokens, or for those of all companies. */
import { openDatabase } from "../core/db.ts";
import { createSecrets, loadMasterKey } from "../core/secrets.ts";
import { rotateSigningKey } from "../core/signing-keys.ts";
import { scriptConfig } from "./script-config.ts";
import { fail } from "./terminal.ts";

const help = `Usage: npx tsx scripts/rotate-keys.ts <tenant|platform>

  tenant     the key of all companies' access tokens
  platform   the key of the control plane's access tokens and of deletion manifests

Running programs sign with the new key within five minutes. Tokens of the old key are good for another day; when the old
key is in somebody else's hands, delete its row of signing_keys, and restart the programs.
Servers: DATABASE_URL, or the running embedded stack of DATA_DIR.
Exit: 0 done, 1 something failed, 2 wrong arguments.
`;

const [purpose] = process.argv.slice(2);
if (purpose !== "tenant" && purpose !== "platform") {
  process.stdout.write(help);
  process.exit(purpose === "--help" ? 0 : 2);
}
try {
  const config = await scriptConfig();
  const db = openDatabase(config.DATABASE_URL ?? "", { name: "rotate-keys", max: 1 });
  try {
    await rotateSigningKey(db, createSecrets(loadMasterKey(config)), purpose);
  } finally {
    await db.destroy();
  }
  process.stdout.write(`${purpose}: a new key signs within five minutes\n`);
} catch (error) {
  fail(error, 1);
}
