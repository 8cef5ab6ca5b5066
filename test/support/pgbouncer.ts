/** PgBouncer in transaction mode in front of a database: from one transaction to the next the server's side may be another. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chown, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { choosePort } from "../../scripts/embedded/ports.ts";
import { findPostgresAccount } from "../../scripts/embedded/postgres-account.ts";
import { ensureSystemPackage } from "../../scripts/embedded/system-packages.ts";
import { pgbouncerPackage } from "./packages.ts";
import { until } from "./wait.ts";

export interface Pooler {
  /** The database through the pooler, as `user`. */
  readonly url: string;
  stop(): Promise<void>;
}

export interface PoolerOptions {
  readonly user: string;
  readonly password: string;
  /** How many it opens to the server, shared by all clients. */
  readonly connections: number;
}

/** Installs it where it is missing. */
export async function startPooler(
  databaseUrl: string,
  { user, password, connections }: PoolerOptions,
): Promise<Pooler> {
  const executable = await ensureSystemPackage(pgbouncerPackage);
  const { ids } = await findPostgresAccount();
  const folder = await mkdtemp(join(tmpdir(), "secretaria-pgbouncer-"));
  const server = new URL(databaseUrl);
  const port = await choosePort(0);
  const settings = [
    "[databases]",
    `* = host=${server.hostname} port=${server.port}`,
    "[pgbouncer]",
    "listen_addr = 127.0.0.1",
    `listen_port = ${port}`,
    "unix_socket_dir =",
    "auth_type = scram-sha-256",
    `auth_file = ${join(folder, "users")}`,
    "pool_mode = transaction",
    `default_pool_size = ${connections}`,
  ];
  await writeFile(join(folder, "settings"), settings.join("\n"));
  await writeFile(join(folder, "users"), `"${user}" "${password}"\n`);
  const { uid, gid } = ids;
  if (uid !== undefined && gid !== undefined)
    for (const path of [folder, join(folder, "settings"), join(folder, "users")]) await chown(path, uid, gid);

  const child = spawn(executable, ["-q", join(folder, "settings")], { ...ids, cwd: "/", stdio: "ignore" });
  const ended = once(child, "close");
  const kill = () => void child.kill("SIGKILL");
  process.once("exit", kill);
  const url = new URL(databaseUrl);
  Object.assign(url, { hostname: "127.0.0.1", port: String(port), username: user, password });
  await until(() => answers(url.toString()), Boolean, { what: "PgBouncer" });
  return {
    url: url.toString(),
    stop: async () => {
      child.kill("SIGTERM");
      await ended;
      process.off("exit", kill);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function answers(connectionString: string): Promise<boolean> {
  const client = new pg.Client({ connectionString });
  try {
    await client.connect();
    return (await client.query("SELECT 1")).rowCount === 1;
  } catch {
    return false;
  } finally {
    await client.end();
  }
}
