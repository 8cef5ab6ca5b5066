/** The whole product on this machine: servers that no URL names, and the three programs. `npm start`, tests and benchmarks use it. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Config } from "../core/config.ts";
import { programPath } from "../core/paths.ts";
import { writeConnection, removeConnection, type Connection } from "./embedded/connection-file.ts";
import { choosePort } from "./embedded/ports.ts";
import { startProgram, type Program } from "./embedded/program.ts";
import { startServers, type Servers } from "./embedded/stack.ts";

export const programNames = ["control-plane", "tenant-runtime", "workers"] as const;
export type ProgramName = (typeof programNames)[number];

export interface StackOptions {
  readonly config: Config;
  /** Environment of the programs besides what the stack itself decides; must hold PATH. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly onProgress?: (line: string) => void;
  readonly onLog?: (program: string, line: string) => void;
  /** False trades safety of the data for speed: for tests. */
  readonly durable?: boolean;
  /** Programs that died unasked are started again; tests that kill them switch this off. */
  readonly revive?: boolean;
}

export interface Stack {
  readonly connection: Connection;
  /** Where the first admin is made; undefined when there is one. */
  readonly setupUrl: string | undefined;
  readonly servers: Servers;
  program(name: ProgramName): Program;
  /** Starts a program that was killed, on its old ports; `env` is added for this time. */
  startAgain(name: ProgramName, env?: Readonly<Record<string, string>>): Promise<Program>;
  /** One more process of a program, under a label of its own and on the ports that `env` names. It stops with the stack. */
  startBeside(name: ProgramName, label: string, env: Readonly<Record<string, string>>): Promise<Program>;
  /** Programs first, then servers; resolves when nothing of it is left running. */
  stop(): Promise<void>;
}

export async function startStack(options: StackOptions): Promise<Stack> {
  const { config, onProgress = () => undefined } = options;
  const servers = await startServers({
    dataDir: config.DATA_DIR,
    config,
    onProgress,
    ...(options.durable === undefined ? {} : { durable: options.durable }),
  });
  const programs = new Map<string, Program>();
  let stopping = false;
  const stop = async () => {
    stopping = true;
    await Promise.allSettled([...programs.values()].map((program) => program.stop()));
    await removeConnection(config.DATA_DIR);
    await servers.stop();
  };
  try {
    const ports = await choosePorts(config);
    const env = programEnvironment(options, servers, ports);
    type Extra = Readonly<Record<string, string>>;
    const start = async (name: ProgramName, more: Extra = {}, label: string = name): Promise<Program> => {
      const program = await startProgram({
        name: label,
        entry: programPath(name, "main"),
        env: { ...env, ...more },
        onLog: (line: string) => options.onLog?.(label, line),
        onExit: ({ asked, code, signal }) => {
          if (asked || stopping || options.revive === false) return;
          onProgress(`${label} ended (${signal ?? code}); starting it again`);
          void revive(label, () => start(name, label === name ? {} : more, label));
        },
      });
      programs.set(label, program);
      if (stopping) await program.stop();
      return program;
    };
    // Again and again: what keeps a program down, PostgreSQL for one, may come back later than it.
    const revive = async (label: string, again: () => Promise<Program>, attempt = 1): Promise<void> => {
      await sleep(Math.min(250 * 2 ** attempt, 10_000));
      if (stopping) return;
      await again().catch((error: Error) => {
        onProgress(`${label} does not start: ${error.message}`);
        return revive(label, again, attempt + 1);
      });
    };
    onProgress("starting control plane, tenant runtime and workers");
    const [controlPlane] = await Promise.all([start("control-plane"), start("tenant-runtime"), start("workers")]);
    const connection = connectionOf(servers, ports);
    await writeConnection(config.DATA_DIR, connection);
    return {
      connection,
      setupUrl: controlPlane.ready["setupUrl"] as string | undefined,
      servers,
      program: (name) => programs.get(name) as Program,
      startAgain: (name, more) => start(name, more),
      startBeside: (name, label, more) => start(name, more, label),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

interface Ports {
  readonly controlPlane: number;
  readonly http: number;
  readonly https: number;
}

async function choosePorts(config: Config): Promise<Ports> {
  const taken = new Set<number>();
  const choose = async (preferred: number) => {
    const port = await choosePort(preferred, taken);
    taken.add(port);
    return port;
  };
  return {
    controlPlane: await choose(config.CONTROL_PLANE_PORT),
    http: await choose(config.RUNTIME_HTTP_PORT),
    https: await choose(config.RUNTIME_HTTPS_PORT),
  };
}

function programEnvironment(options: StackOptions, servers: Servers, ports: Ports): Record<string, string> {
  const env = {
    ...options.env,
    DATA_DIR: options.config.DATA_DIR,
    DATABASE_URL: servers.databaseUrl,
    REDIS_URL: servers.redisUrl,
    CONTROL_PLANE_PORT: String(ports.controlPlane),
    RUNTIME_HTTP_PORT: String(ports.http),
    RUNTIME_HTTPS_PORT: String(ports.https),
  };
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

function connectionOf(servers: Servers, ports: Ports): Connection {
  return {
    databaseUrl: servers.databaseUrl,
    redisUrl: servers.redisUrl,
    controlPlaneUrl: `http://localhost:${ports.controlPlane}`,
    runtimeHttpUrl: `http://localhost:${ports.http}`,
    runtimeHttpsUrl: `https://localhost:${ports.https}`,
  };
}
