/** The migrated database that test databases are cloned from; made once for each version and key, and kept. */
import { readFileSync } from "node:fs";
import type pg from "pg";
import { readMigrations } from "../core/migrations/sql-files.ts";
import { versionOf } from "../core/migrations/version.ts";
import { projectPath } from "../core/paths.ts";
import { createSecrets, sha256Hex } from "../core/secrets.ts";
import { setUpDatabase } from "../core/setup.ts";
import { databaseOn } from "./server-session.ts";

/**
 * Makes the template when this version has none, and answers its name. The caller holds the server's lock of the kit.
 * @throws Error when the server's roles were made with another master key.
 */
export async function ensureTemplate(server: pg.Client, serverUrl: string, masterKey: Buffer): Promise<string> {
  const name = `secretaria_test_template_${fingerprint(masterKey)}`;
  const { rowCount } = await server.query("SELECT FROM pg_database WHERE datname = $1", [name]);
  if (rowCount === 1) return name;
  // It gets its name when it is whole: a run that was killed here leaves a draft, and the next one starts over.
  const draft = `${name}_draft`;
  await server.query(`DROP DATABASE IF EXISTS ${draft} WITH (FORCE)`);
  await server.query(`CREATE DATABASE ${draft}`);
  await setUpDatabase(databaseOn(serverUrl, draft), createSecrets(masterKey));
  await server.query(`ALTER DATABASE ${draft} RENAME TO ${name}`);
  return name;
}

/** Signing keys in it are sealed with the master key. */
function fingerprint(masterKey: Buffer): string {
  const { version } = JSON.parse(readFileSync(projectPath("package.json"), "utf8")) as { version: string };
  return sha256Hex([version, versionOf(readMigrations("public")), sha256Hex(masterKey.toString("hex"))].join()).slice(
    0,
    12,
  );
}
