/** One PostgreSQL and one Redis for the whole run, in a temporary folder that is gone afterwards. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSecrets } from "../../core/secrets.ts";
import { setUpDatabase } from "../../core/setup.ts";
import { startServers, type Servers } from "../../scripts/embedded/stack.ts";
import { endWithProcess } from "./orphans.ts";
import { masterKey, runQuery, shared, templateDatabase } from "./servers.ts";

let servers: Servers | undefined;
let folder: string | undefined;

export async function mochaGlobalSetup(): Promise<void> {
  folder = await mkdtemp(join(tmpdir(), "secretaria-test-"));
  servers = endWithProcess(await startServers({ dataDir: folder, config: {}, durable: false }));
  shared.databaseUrl = servers.databaseUrl;
  shared.redisUrl = servers.redisUrl;
  await runQuery(servers.databaseUrl, `CREATE DATABASE ${templateDatabase}`);
  const template = new URL(servers.databaseUrl);
  template.pathname = `/${templateDatabase}`;
  await setUpDatabase(template.toString(), createSecrets(Buffer.from(masterKey, "base64")));
}

export async function mochaGlobalTeardown(): Promise<void> {
  await servers?.stop();
  if (folder) await rm(folder, { recursive: true, force: true });
}
