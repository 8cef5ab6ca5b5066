/** The embedded PostgreSQL: its data folder made when missing, one server on it, on loopback with a password. */
import { totalmem } from "node:os";
import { join, resolve } from "node:path";
import pg from "pg";
import { findHome, findPostgresAccount } from "./postgres-account.ts";
import { findPostgresBinaries } from "./postgres-binaries.ts";
import { clearLeftOver, ensureCluster, kindFor, resetPassword } from "./postgres-folder.ts";
import type { PostgresSetup } from "./postgres-folder.ts";
import { keepServer } from "./embedded-server.ts";
import type { EmbeddedServer } from "./embedded-server.ts";
import { onFreePort } from "./ports.ts";
import { ensureSecret } from "./private-file.ts";
import { launchServer } from "./server-process.ts";
import type { Launched } from "./server-process.ts";

export type PostgresOptions = {
  dataDir: string;
  /** Exactly this one. Absent: 15432, or another when that is in use. */
  port?: number | undefined;
  /** False: faster, and loses data when the machine (not just the server) dies. For tests. */
  durable?: boolean | undefined;
  /** What a person should know while it starts. Absent: goes to `onLog`. */
  onProgress?: ((message: string) => void) | undefined;
  /** Every line of the server's log. */
  onLog?: ((line: string) => void) | undefined;
  /** The server ended and nobody had asked it to. */
  onExit?: ((how: string) => void) | undefined;
};

/** `folder` is where the data lies: `<dataDir>/postgres`, unless the system user that PostgreSQL runs as cannot get there. */
export type EmbeddedPostgres = EmbeddedServer & { readonly folder: string };

/**
 * Starts PostgreSQL with the superuser and database `secretaria`. Safe whatever the last run left behind: a half-made folder, a stale
 * pid file, a server whose supervisor was killed. The caller makes sure that no other supervisor uses the folder (see stack.ts).
 */
export async function startPostgres(options: PostgresOptions): Promise<EmbeddedPostgres> {
  const setup = await prepare(options);
  const server = await onFreePort({ exact: options.port, preferred: 15_432 }, (port) =>
    keepServer({
      url: `postgres://secretaria:${setup.password}@127.0.0.1:${port}/secretaria`,
      port,
      kind: setup.kind,
      launch: () => launch(setup, port),
      onExit: options.onExit,
    }),
  );
  return Object.defineProperty(server, "folder", {
    value: setup.kind.folder,
    enumerable: true,
  }) as EmbeddedPostgres;
}

async function prepare(options: PostgresOptions): Promise<PostgresSetup> {
  const dataDir = resolve(options.dataDir);
  const onLog = options.onLog ?? (() => undefined);
  const onProgress = options.onProgress ?? onLog;
  const account = await findPostgresAccount();
  const [home, binaries] = await Promise.all([
    findHome(account, dataDir, onProgress),
    findPostgresBinaries(account, onProgress),
  ]);
  const { secret: password, fresh } = await ensureSecret(join(dataDir, "postgres.password"));
  const setup = {
    account,
    binaries,
    kind: kindFor(join(home, "postgres")),
    password,
    durable: options.durable ?? true,
    onProgress,
    onLog,
  };
  await clearLeftOver(setup);
  const isNew = await ensureCluster(setup);
  if (fresh && !isNew) await resetPassword(setup);
  return setup;
}

async function launch(setup: PostgresSetup, port: number): Promise<Launched> {
  await clearLeftOver(setup);
  return launchServer(setup.kind, {
    command: setup.binaries.postgres,
    args: ["-D", setup.kind.folder, ...settingsFor(setup, port)],
    ...setup.account.ids,
    readyLine: /database system is ready to accept connections/,
    greet: () => greet(setup.password, port),
    onLog: setup.onLog,
  });
}

/** On the command line rather than in a file, so that every start of every version has exactly these. */
function settingsFor({ durable }: PostgresSetup, port: number): string[] {
  const settings: Record<string, string | number> = {
    port,
    listen_addresses: "127.0.0.1",
    unix_socket_directories: "",
    max_connections: 200,
    shared_buffers: `${durable ? buffersMb() : 256}MB`,
    jit: "off",
    logging_collector: "off",
    password_encryption: "scram-sha-256",
    // After a crash every file is synced before recovery begins: one by one that is hundreds for each tenant.
    ...(process.platform === "linux" ? { recovery_init_sync_method: "syncfs" } : {}),
    ...(durable
      ? {}
      : {
          fsync: "off",
          synchronous_commit: "off",
          full_page_writes: "off",
          wal_level: "minimal",
          max_wal_senders: 0,
          autovacuum_naptime: "10min",
          // In the data folder, with which it goes: a server that is killed leaves files in /dev/shm.
          dynamic_shared_memory_type: "mmap",
        }),
  };
  return Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
}

/**
 * An eighth of the machine, from 256 MB to 4 GB. Each company brings 2 MB of catalog; what does not fit is read, and checked,
 * again whenever a connection meets a company. What is not used is not taken from the system.
 */
const buffersMb = (): number => Math.round(Math.min(4_096, Math.max(256, totalmem() / 1_048_576 / 8)));

/** Proves that the address which the callers get works. */
async function greet(password: string, port: number): Promise<void> {
  const client = new pg.Client({
    host: "127.0.0.1",
    port,
    user: "secretaria",
    password,
    database: "secretaria",
    ssl: false,
  });
  try {
    await client.connect();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(
      `PostgreSQL runs but does not let us in (${why}). Delete DATA_DIR/postgres.password to have a new password set.`,
      { cause: error },
    );
  } finally {
    await client.end().catch(() => undefined);
  }
}
