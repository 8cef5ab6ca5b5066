/** Another release of the product: a copy of its sources with changes, whose runtime runs as a process of its own. */
import { execFile, fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { projectPath } from "../../core/paths.ts";
import { runtimeClient, type AskRuntime } from "./runtime-client.ts";
import type { Platform } from "./platform.ts";
import { nextMessage } from "./wait.ts";

const compiled = "compiled";

export interface Release {
  /** Its migrations of tenants. */
  readonly migrations: string;
  /** Makes the file, or makes it anew. */
  write(path: string, text: string): void;
  /** @throws Error when the text is not in the file exactly once. */
  replace(path: string, from: string, to: string): void;
  /** @throws Error with what it wrote when it ends before it is ready. */
  startRuntime(platform: Platform): Promise<RunningRuntime>;
  remove(): void;
}

export interface RunningRuntime {
  readonly pid: number;
  /** Over plain HTTP. */
  readonly ask: AskRuntime;
  /** In order, as a supervisor would. */
  stop(): Promise<void>;
}

/** @param version what its package.json says. */
export function makeRelease(version: string): Release {
  const folder = mkdtempSync(join(tmpdir(), "secretaria-release-"));
  for (const name of ["core", "tenant-runtime", "migrations", "package.json", "tsconfig.json", "tsconfig.build.json"])
    cpSync(projectPath(name), join(folder, name), { recursive: true });
  symlinkSync(projectPath("node_modules"), join(folder, "node_modules"));
  const write = (path: string, text: string) => writeFileSync(join(folder, path), text);
  const replace = (path: string, from: string, to: string) => {
    const parts = readFileSync(join(folder, path), "utf8").split(from);
    if (parts.length !== 2) throw new Error(`${path} has '${from}' ${parts.length - 1} times`);
    write(path, parts.join(to));
  };
  const own = JSON.parse(readFileSync(projectPath("package.json"), "utf8")) as { version: string };
  replace("package.json", `"version": "${own.version}"`, `"version": "${version}"`);
  return {
    migrations: join(folder, "migrations", "tenant"),
    write,
    replace,
    startRuntime: (platform) => startRuntime(folder, platform),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

async function startRuntime(folder: string, { config }: Platform): Promise<RunningRuntime> {
  const { DATABASE_URL, REDIS_URL, MASTER_KEY, DATA_DIR, PROCESS_HEARTBEAT_SECONDS } = config;
  await compile(folder);
  const child = fork(join(folder, compiled, "tenant-runtime", "main.js"), {
    cwd: folder,
    execArgv: [],
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    env: {
      PATH: process.env["PATH"],
      DATABASE_URL,
      REDIS_URL,
      MASTER_KEY,
      DATA_DIR,
      PROCESS_HEARTBEAT_SECONDS: String(PROCESS_HEARTBEAT_SECONDS),
      RUNTIME_HTTP_PORT: "0",
      RUNTIME_HTTPS_PORT: "0",
      LOG_LEVEL: "error",
    },
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk) => (output += String(chunk)));
  const ended = once(child, "exit");
  const httpPort = await readPort(child).catch((cause: Error) => {
    throw new Error(`the runtime did not start: ${output}`, { cause });
  });
  const ask = runtimeClient({ httpPort });
  return {
    pid: child.pid ?? 0,
    ask: (host, what, request) => ask(host, what, { ...request, plain: true }),
    async stop() {
      child.kill("SIGTERM");
      await ended;
    },
  };
}

/** The release's own texts, as they are now. */
async function compile(folder: string): Promise<void> {
  const compiler = projectPath("node_modules", "typescript", "bin", "tsc");
  const settings = ["--project", "tsconfig.build.json", "--outDir", compiled, "--noCheck"];
  await promisify(execFile)(process.execPath, [compiler, ...settings], { cwd: folder });
}

async function readPort(child: ChildProcess): Promise<number> {
  for (;;) {
    const message = await nextMessage<{ type?: string; httpPort?: number }>(child, "the runtime's start");
    if (message.type === "ready" && message.httpPort !== undefined) return message.httpPort;
  }
}
