/** The embedded Redis: one server in DATA_DIR/redis, on loopback with a password. */
import { chmod, mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { Redis } from "ioredis";
import { keepServer } from "./embedded-server.ts";
import type { EmbeddedServer } from "./embedded-server.ts";
import { onFreePort } from "./ports.ts";
import { ensureSecret, readIfThere, writePrivateFile } from "./private-file.ts";
import { endLeftOver, launchServer } from "./server-process.ts";
import type { Launched, ServerKind } from "./server-process.ts";
import { ensureSystemPackage } from "./system-packages.ts";

export type RedisOptions = {
  dataDir: string;
  /** Exactly this one. Absent: 16379, or another when that is in use. */
  port?: number | undefined;
  /** False: writes are lost when the machine (not just the server) dies. For tests. */
  durable?: boolean | undefined;
  /** What a person should know while it starts, e.g. that a package is being installed. */
  onProgress?: ((message: string) => void) | undefined;
  /** Every line of the server's log. */
  onLog?: ((line: string) => void) | undefined;
  /** The server ended and nobody had asked it to. */
  onExit?: ((how: string) => void) | undefined;
};

export type EmbeddedRedis = EmbeddedServer;

type RedisSetup = {
  executable: string;
  kind: ServerKind;
  password: string;
  durable: boolean;
  onProgress: (message: string) => void;
  onLog: (line: string) => void;
};

/** Starts Redis, or installs it first where that is possible. A server that a killed supervisor left running is stopped. */
export async function startRedis(options: RedisOptions): Promise<EmbeddedRedis> {
  const setup = await prepare(options);
  return onFreePort({ exact: options.port, preferred: 16_379 }, (port) =>
    keepServer({
      url: `redis://default:${setup.password}@127.0.0.1:${port}/0`,
      port,
      kind: setup.kind,
      launch: () => launch(setup, port),
      onExit: options.onExit,
    }),
  );
}

async function prepare(options: RedisOptions): Promise<RedisSetup> {
  const onProgress = options.onProgress ?? (() => undefined);
  const executable = await ensureSystemPackage({
    command: "redis-server",
    debian: "redis-server",
    brew: "redis",
    onProgress,
  });
  const dataDir = resolve(options.dataDir);
  const folder = join(dataDir, "redis");
  await mkdir(dataDir, { recursive: true, mode: 0o711 });
  await mkdir(folder, { recursive: true });
  await chmod(folder, 0o700);
  const { secret: password } = await ensureSecret(join(dataDir, "redis.password"));
  const onLog = options.onLog ?? (() => undefined);
  const setup = {
    executable,
    kind: { title: "Redis", name: "redis", folder, stopSignal: "SIGTERM" } as const,
    password,
    durable: options.durable ?? true,
    onProgress,
    onLog,
  };
  await clearLeftOver(setup);
  return setup;
}

async function launch(setup: RedisSetup, port: number): Promise<Launched> {
  const { kind, executable, password, onLog } = setup;
  await clearLeftOver(setup);
  const file = join(kind.folder, "redis.conf");
  await writePrivateFile(file, configuration(setup, port));
  return launchServer(kind, {
    command: executable,
    args: [file],
    readyLine: /ready to accept connections/i,
    greet: () => greet(password, port),
    onLog,
  });
}

/** The password stands here because the command line is visible to every user of the machine. Redis lowers maxclients to what ulimit allows. */
function configuration({ kind: { folder }, password, durable }: RedisSetup, port: number): string {
  const lines = [
    "bind 127.0.0.1",
    `port ${port}`,
    "protected-mode yes",
    `requirepass ${password}`,
    "daemonize no",
    "supervised no",
    `dir ${JSON.stringify(folder)}`,
    `pidfile ${JSON.stringify(join(folder, "redis.pid"))}`,
    'logfile ""',
    "appendonly yes",
    `appendfsync ${durable ? "everysec" : "no"}`,
    'save ""',
    "maxclients 10000",
    "maxmemory-policy noeviction",
  ];
  return `${lines.join("\n")}\n`;
}

/** Proves that the address which the callers get works. */
async function greet(password: string, port: number): Promise<void> {
  const client = new Redis({ host: "127.0.0.1", port, password, retryStrategy: () => null });
  client.on("error", () => undefined);
  try {
    await client.ping();
  } catch (error) {
    throw new Error(`Redis runs on port ${port} but does not answer: ${String(error)}`, {
      cause: error,
    });
  } finally {
    client.disconnect();
  }
}

async function clearLeftOver({ kind, onProgress }: RedisSetup): Promise<void> {
  await endLeftOver(kind, await readIfThere(join(kind.folder, "redis.pid")), onProgress);
}
